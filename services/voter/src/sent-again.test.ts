/** Redis is cut off between a script and its reply, each time: the client sends the script again, and the vote is told of once. */
import { createAuditChain } from '@quorum/shared/audit-chain';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import { afterEach, expect, test } from 'vitest';
import { connectTwice } from '../../../packages/shared/test/sent-twice.ts';
import { auditOf } from '../../../packages/shared/test/world.ts';
import { verdictOn } from '../test/audit.ts';
import { aHeldVote, holdOf } from '../test/holds.ts';
import { jobDeps, useStand, type VoteCase } from '../test/stand.ts';
import { expireJob } from './expire.ts';
import { createSealer } from './seal.ts';

const stand = useStand();
const never = new AbortController().signal;
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

function onTwice({ deps }: VoteCase): Pick<VoteCase['deps'], 'auditChain' | 'records' | 'transitions'> {
  const redis = connectTwice(stand.server().url);
  closers.push(() => redis.disconnect());
  const transitions = createTransitions(redis, deps.voterKey);
  return { transitions, records: createRecords(redis), auditChain: createAuditChain(redis) };
}

/** What the chain says of it, once it is sealed. */
async function verdictOf(vote: VoteCase, twice: ReturnType<typeof onTwice>) {
  await createSealer([vote.voter], { ...vote.deps, ...twice })(never);
  return verdictOn(stand.redis(), vote.voter, { keys: [vote.deps.voterKey] });
}

test('one send, one receipt, and a chain in which nothing stands twice', async () => {
  const vote = await stand.aVote();
  const twice = onTwice(vote);
  expect(await vote.vote(twice)).toEqual({ kind: 'cast' });
  expect(vote.sends()).toHaveLength(1);
  expect(await verdictOf(vote, twice)).toMatchObject({ votes: { cast: 1, open: 0 }, faults: [] });
  const events = (await auditOf(stand.redis(), keys.runEvents(vote.runId))).map(({ kind }) => kind);
  expect(events.filter((kind) => kind === 'sent')).toHaveLength(1);
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast']);
});

test('nor where it is sent once more, and another process sent it in between', async () => {
  const vote = await stand.aVote();
  const match = { body_contains: vote.proposal.id };
  await stand.fault({ endpoint: 'sequencer', count: 2, match, status: 503, body: '' });
  const twice = onTwice(vote);
  await expect(vote.deliver(twice)).rejects.toMatchObject({ name: 'PostponeError' });
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
  expect(await vote.ledger()).toMatchObject({ state: 'reserved', sends: 2 });
  expect(await vote.vote(twice)).toEqual({ kind: 'cast' });
  expect((await verdictOf(vote, twice)).faults).toEqual([]);
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'sending', 'sending', 'accepted', 'cast']);
});

test('a vote that was taken up from the hub is told as one', async () => {
  const vote = await stand.aVote();
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  await stand.redis().del(keys.ledger(vote.voter, vote.space, vote.proposal.id));
  await stand.redis().hdel(keys.run(vote.runId), `outcome:${vote.proposal.id}`);
  expect(await vote.vote(onTwice(vote))).toEqual({ kind: 'cast' });
  expect(await vote.audit()).toEqual(['reserved', 'sending', 'accepted', 'cast', 'adopted']);
  expect(await vote.security()).toEqual({ vote_adopted: 1 });
});

test('the owner of a hold that has run out is told so', async () => {
  const vote = await aHeldVote(stand);
  const hold = await holdOf(vote);
  const told: string[] = [];
  const holdJobs = { ...vote.deps.holdJobs, tell: async (_: unknown, event: string) => void told.push(event) };
  const deps = jobDeps({ ...vote.deps, ...onTwice(vote), holdJobs, now: () => hold.deadlineMs });
  const payload = { hold_id: hold.subject.hold_id };
  expect(await expireJob(payload, deps, never)).toEqual({ state: 'expired' });
  expect(told).toEqual(['hold_expired']);
});
