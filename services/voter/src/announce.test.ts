import { createAppointments } from '@quorum/shared/appointments';
import { NoticePayload } from '@quorum/shared/notices';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { Queue } from 'bullmq';
import { describe, expect, test } from 'vitest';
import { anOwner, listeningLogger } from '../../../packages/shared/test/samples.ts';
import { DAY_S, nowS, useStand, type VoteCase } from '../test/stand.ts';
import { announceAliasEnds, announceSigners } from './announce.ts';

const stand = useStand();
const never = new AbortController().signal;

/** What is queued to be told to an owner, and in how many days; the first of it first. */
async function noticesOf({ owner, signer }: VoteCase) {
  const queue = new Queue('notify', { connection: stand.redis(), prefix: BULL_PREFIX });
  const jobs = await queue.getJobs(['waiting', 'delayed']);
  await queue.close();
  const own = jobs.flatMap(({ data, delay }) => {
    const notice = NoticePayload.parse(data);
    if (!('alias' in notice) || notice.owner !== owner || notice.alias !== signer) return [];
    return [{ event: notice.event, days: notice.days, inDays: delay / (DAY_S * 1_000) }];
  });
  return own.toSorted((a, b) => a.inDays - b.inDays);
}

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

test('an owner is told a week and a day before their alias ends, and at its end, each once', async () => {
  const vote = await stand.aVote({ aliasCreated: nowS() - 10 * DAY_S });
  await announceSigners(vote.deps.licences, vote.deps);
  const endS = nowS() + 20 * DAY_S;
  for (let starts = 0; starts < 2; starts += 1) {
    await announceAliasEnds(vote.deps.licences, vote.deps, never);
    expect(await noticesOf(vote)).toEqual([
      { event: 'alias_expiring', days: 7, inDays: expect.closeTo(13, 1) },
      { event: 'alias_expiring', days: 1, inDays: expect.closeTo(19, 1) },
      { event: 'alias_expired', days: 0, inDays: expect.closeTo(20, 1) },
    ]);
  }
  expect(await announced(vote)).toMatchObject({ alias_expires_at: expect.closeTo(endS, -1) });
});

test('an alias that ran out already is told of as such, and no longer as one that will', async () => {
  const vote = await stand.aVote({ aliasCreated: nowS() - 31 * DAY_S });
  await announceSigners(vote.deps.licences, vote.deps);
  await announceAliasEnds(vote.deps.licences, vote.deps, never);
  expect(await noticesOf(vote)).toEqual([{ event: 'alias_expired', days: 0, inDays: 0 }]);
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

describe('an alias that is good again', () => {
  const appointed = (vote: VoteCase) => vote.deps.appointments.at(vote.owner, vote.space, false);
  const inAnHour = (): number => Date.now() + 3_600_000;

  test('brings the next run forward, which is to vote what could not be voted on', async () => {
    const vote = await stand.aVote({ aliasCreated: nowS() - 31 * DAY_S });
    await announceSigners(vote.deps.licences, vote.deps);
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'signing' });
    const [at, ends] = [inAnHour(), [nowS() + 2 * 3_600]];
    await vote.deps.appointments.make({ owner: vote.owner, space_id: vote.space, dry_run: false, at, ends });
    await announceAliasEnds(vote.deps.licences, vote.deps, never);
    expect(await appointed(vote)).toBe(at);
    await vote.renewAlias();
    await announceAliasEnds(vote.deps.licences, vote.deps, never);
    const stands = await createAppointments(stand.redis()).get(vote.owner, vote.space, false);
    expect(stands?.at).toBeLessThanOrEqual(Date.now());
    // Should that run fail to open, the next one is to come in time all the same.
    expect(stands?.ends).toEqual(ends);
  });

  test('makes no appointment where nothing was left, and moves none where it was good before', async () => {
    const vote = await stand.aVote();
    await announceSigners(vote.deps.licences, vote.deps);
    await announceAliasEnds(vote.deps.licences, vote.deps, never);
    expect(await appointed(vote)).toBeNull();
    const at = inAnHour();
    await vote.deps.appointments.make({ owner: vote.owner, space_id: vote.space, dry_run: false, at });
    await vote.renewAlias();
    await announceAliasEnds(vote.deps.licences, vote.deps, never);
    expect(await appointed(vote)).toBe(at);
  });
});
