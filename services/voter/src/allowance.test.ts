/** The sequencer's allowance: what it does not take is not sent, and no vote is lost for it. */
import { upstreamId } from '@quorum/shared/ids';
import { timingsOf } from '@quorum/shared/run-timings';
import { PostponeError } from '@quorum/shared/run-worker';
import { createSendAllowance, type SendTurn } from '@quorum/shared/send-allowance';
import { describe, expect, it } from 'vitest';
import { samplesOf, sumsBy } from '../../../test/scraped.ts';
import { SETTINGS, useStand, type VoteCase } from '../test/stand.ts';
import { awaitAllowance, patienceMs } from './retry.ts';

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
    await empty.take(0);
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
    const take = async (ms: number) => (await last.take(ms), last.take(ms));
    const taking = { ...last, look: async () => ({ waitMs: 0, turnMs: 0 }), take };
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
  const endIn = (leftS: number): number => now + (leftS + SETTINGS.minTimeToVoteS) * 1_000;
  const waitFor = (turn: SendTurn, leftS: number, random = 0): unknown => {
    try {
      return awaitAllowance(turn, endIn(leftS), SETTINGS, now, () => random);
    } catch (error) {
      return error instanceof PostponeError ? error.delayMs : error;
    }
  };

  it('is until its turn', () => {
    expect(waitFor({ waitMs: 1_000, turnMs: 31_000 }, 24 * 60 * 60)).toBe(31_000);
  });

  it('is for a turn within a twentieth of what is left, ten minutes at most', () => {
    expect([60, 60 * 60, 24 * 60 * 60, 0, -5].map((leftS) => patienceMs(endIn(leftS), SETTINGS, now))).toEqual([
      3_000, 180_000, 600_000, 0, 0,
    ]);
  });

  it('ends before any turn that is too far away, at times that spread out', () => {
    const none = { waitMs: 1_000, turnMs: null };
    expect([0, 0.5, 1].map((random) => waitFor(none, 60, random))).toEqual([1_000, 2_500, 4_000]);
    expect(waitFor(none, 2, 1)).toBe(1_100);
  });

  it('never goes past the deadline, and fails with words where nothing comes back before it', () => {
    expect(waitFor({ waitMs: 1_000, turnMs: 1_000 }, 1)).toBe(1_000);
    expect(waitFor({ waitMs: 2_000, turnMs: null }, 1)).toMatchObject({
      outcome: { kind: 'failed', why: 'upstream_unavailable' },
      detail: 'more votes wait than the sequencer takes a minute',
    });
  });
});
