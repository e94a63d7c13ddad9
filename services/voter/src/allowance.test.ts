/** The sequencer's allowance: what it does not take is not sent, and no vote is lost for it. */
import { upstreamId } from '@quorum/shared/ids';
import { timingsOf } from '@quorum/shared/run-timings';
import { PostponeError } from '@quorum/shared/run-worker';
import { createSendAllowance } from '@quorum/shared/send-allowance';
import { describe, expect, it } from 'vitest';
import { samplesOf, sumsBy } from '../../../test/scraped.ts';
import { SETTINGS, useStand, type VoteCase } from '../test/stand.ts';
import { awaitAllowance } from './retry.ts';

const stand = useStand();

const allowance = (name: string, perMinute: number) =>
  createSendAllowance(stand.redis(), upstreamId(name, undefined), () => perMinute);

async function postponed(vote: VoteCase, given: Parameters<VoteCase['deliver']>[0]): Promise<PostponeError> {
  const error: unknown = await vote.deliver(given).then(
    (outcome) => outcome,
    (thrown: unknown) => thrown,
  );
  expect.assert(error instanceof PostponeError);
  return error;
}

/** What the gates were counted to do. */
const gateOf = async ({ deps }: VoteCase): Promise<Record<string, number>> =>
  sumsBy(samplesOf([await deps.metrics.registry.metrics()]), 'quorum_upstream_gate_total', ['upstream', 'result']);

/** What the owner is told of where the time went, once its proposal was fetched. */
async function kindsOf({ deps, runId }: VoteCase): Promise<readonly string[]> {
  const found = await deps.records.runAndEvents(runId);
  expect.assert(found !== null);
  const { spans } = timingsOf(found.run, found.events, [], Date.now());
  return spans.filter(({ proposal_id }) => proposal_id !== null).map(({ kind }) => kind);
}

describe('a vote beyond what the sequencer takes', () => {
  it('waits before the hub is asked about it, and is cast once there is allowance', async () => {
    const vote = await stand.aVote();
    const empty = allowance(`before ${vote.proposal.id}`, 1);
    await empty.take();
    const asked = stand.sandbox().world.received.length;
    expect((await postponed(vote, { allowance: empty })).delayMs).toBeGreaterThan(30_000);
    expect(stand.sandbox().world.received.length).toBe(asked);
    expect(await vote.ledger()).toBeNull();
    expect(await gateOf(vote)).toEqual({ 'sequencer/held_back': 1 });
    expect(await kindsOf(vote)).toEqual(['decide', 'wait', 'check', 'put_off']);
    expect(await vote.deliver()).toEqual({ kind: 'cast' });
    expect(vote.sends()).toHaveLength(1);
    expect(await gateOf(vote)).toEqual({ 'sequencer/held_back': 1 });
    const steps = ['check', 'reserve', 'sign', 'send', 'read_back'];
    expect(await kindsOf(vote)).toEqual(['decide', 'wait', 'check', 'put_off', ...steps]);
  });

  it('that lost the last send to another waits with its intent, which counts no send, and is cast with the same bytes', async () => {
    const vote = await stand.aVote();
    const last = allowance(`last ${vote.proposal.id}`, 1);
    const taking = { ...last, look: async () => 0, take: async () => (await last.take(), last.take()) };
    await postponed(vote, { allowance: taking });
    const waiting = await vote.ledger();
    expect(waiting).toMatchObject({ state: 'reserved', sends: 0 });
    expect(await vote.deliver()).toEqual({ kind: 'cast' });
    expect((await vote.ledger())?.vote_id).toBe(waiting?.vote_id);
  });

  it('is not sent by anybody while the sequencer wants a pause', async () => {
    const [told, other] = [await stand.aVote(), await stand.aVote()];
    const shared = allowance(`pause ${told.proposal.id}`, 80);
    await stand.fault({
      endpoint: 'sequencer',
      match: { body_contains: told.proposal.id },
      count: 1,
      status: 429,
      headers: { 'retry-after': '20' },
      body: '{"error":"too many requests"}',
    });
    expect((await postponed(told, { allowance: shared })).delayMs).toBeGreaterThanOrEqual(20_000);
    expect((await postponed(other, { allowance: shared })).delayMs).toBeGreaterThan(5_000);
    expect(other.sends()).toEqual([]);
    expect(await gateOf(told)).toEqual({ 'sequencer/shut': 1 });
    expect(await gateOf(other)).toEqual({ 'sequencer/held_back': 1 });
  });
});

describe('the wait for the allowance', () => {
  const now = Date.now();
  const waitFor = (waitMs: number, leftS: number, random: number, tries = 10): unknown => {
    const endMs = now + (leftS + SETTINGS.minTimeToVoteS) * 1_000;
    try {
      return awaitAllowance({ waitMs, endMs, tries }, SETTINGS, now, () => random);
    } catch (error) {
      return error instanceof PostponeError ? error.delayMs : error;
    }
  };

  it('spreads out what has time and brings back what is urgent', () => {
    expect(waitFor(1_000, 24 * 60 * 60, 1)).toBe(61_000);
    expect(waitFor(1_000, 60, 1)).toBe(4_000);
    expect(waitFor(1_000, 2, 1)).toBe(1_100);
  });

  it('is short at first, and longer each time that it was in vain', () => {
    const spreads = [1, 2, 3, 6, 7, 8, 20].map((tries) => waitFor(1_000, 24 * 60 * 60, 1, tries));
    expect(spreads).toEqual([2_000, 3_000, 5_000, 33_000, 61_000, 61_000, 61_000]);
    expect(waitFor(1_000, 24 * 60 * 60, 0, 1)).toBe(1_000);
  });

  it('never goes past the deadline, and fails with words where its turn would', () => {
    expect(waitFor(1_000, 1, 1)).toBe(1_000);
    expect(waitFor(2_000, 1, 0)).toMatchObject({
      outcome: { kind: 'failed', why: 'upstream_unavailable' },
      detail: 'more votes wait than the sequencer takes a minute',
    });
  });
});
