import { expect, test } from 'vitest';
import { anOwner, listeningLogger } from '../../../packages/shared/test/samples.ts';
import { DAY_S, nowS, useStand, type VoteCase } from '../test/stand.ts';
import { announceAliasEnds, announceSigners } from './announce.ts';

const stand = useStand();
const never = new AbortController().signal;

const announced = (vote: VoteCase) => vote.deps.records.signer(vote.owner);

test('who votes with what is announced, the end of the alias once the hub has named it', async () => {
  const created = nowS() - 3 * DAY_S;
  const vote = await stand.aVote({ aliasCreated: created });
  await announceSigners(vote.deps.licences, vote.deps);
  const floor = { voter: vote.voter, kind: 'alias', alias: vote.signer, allowed_spaces: ['harbour.eth'] };
  expect(await announced(vote)).toEqual({ ...floor, alias_expires_at: null });
  await announceAliasEnds(vote.deps.licences, vote.deps, never);
  expect(await announced(vote)).toEqual({ ...floor, alias_expires_at: created + 30 * DAY_S });
});

test('an own key has no alias and no end', async () => {
  const vote = await stand.aVote({ kind: 'own_key' });
  await announceSigners(vote.deps.licences, vote.deps);
  await announceAliasEnds(vote.deps.licences, vote.deps, never);
  expect(await announced(vote)).toEqual({ voter: vote.voter, kind: 'own_key', allowed_spaces: ['harbour.eth'] });
});

test('an owner who was taken out of signers.json is announced no longer', async () => {
  const [stays, goes] = [await stand.aVote(), await stand.aVote()];
  await announceSigners(new Map([...stays.deps.licences, ...goes.deps.licences]), stays.deps);
  await announceAliasEnds(goes.deps.licences, goes.deps, never);
  expect(await announced(goes)).toMatchObject({ voter: goes.voter });
  const { log, lines } = listeningLogger();
  await announceSigners(stays.deps.licences, { ...stays.deps, log });
  expect(await announced(goes)).toBeNull();
  expect(await announced(stays)).toMatchObject({ voter: stays.voter });
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'signer withdrawn', owner: goes.owner }));
});

test('a hub that is down leaves the end unknown, and the pre-flight of the next vote announces it', async () => {
  const created = nowS() - DAY_S;
  const vote = await stand.aVote({ aliasCreated: created });
  await announceSigners(vote.deps.licences, vote.deps);
  await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: vote.signer }, status: 503 });
  const { log, lines } = listeningLogger();
  await announceAliasEnds(vote.deps.licences, { ...vote.deps, log }, never);
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'alias cannot be read', owner: vote.owner }));
  expect(await announced(vote)).toMatchObject({ alias_expires_at: null });
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  expect(await announced(vote)).toMatchObject({ alias_expires_at: created + 30 * DAY_S });
});

test('a renewed alias is announced anew by the pre-flight', async () => {
  const vote = await stand.aVote({ aliasCreated: nowS() - 29 * DAY_S });
  await announceSigners(vote.deps.licences, vote.deps);
  await announceAliasEnds(vote.deps.licences, vote.deps, never);
  const renewed = nowS();
  await stand.control('PATCH', 'world', { aliases: [{ address: vote.voter, alias: vote.signer, created: renewed }] });
  await vote.vote();
  expect(await announced(vote)).toMatchObject({ alias_expires_at: renewed + 30 * DAY_S });
});

test('an alias that the hub does not know has no end', async () => {
  const vote = await stand.aVote({ aliasCreated: null });
  await announceSigners(vote.deps.licences, vote.deps);
  const { log, lines } = listeningLogger();
  await announceAliasEnds(vote.deps.licences, { ...vote.deps, log }, never);
  expect(await announced(vote)).toMatchObject({ alias_expires_at: null });
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'alias is not known to the hub' }));
});

test('whoever votes for nobody withdraws everybody', async () => {
  const vote = await stand.aVote();
  await announceSigners(vote.deps.licences, vote.deps);
  await announceSigners(new Map(), vote.deps);
  expect(await announced(vote)).toBeNull();
  expect(await vote.deps.records.signer(anOwner())).toBeNull();
});
