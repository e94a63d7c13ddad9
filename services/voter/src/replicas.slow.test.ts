/**
 * Twenty voter services on one queue: no vote twice, never more sends in a minute than the sequencer is said to take, and what closes
 * first goes first while all wait.
 */
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import { Queue } from 'bullmq';
import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { verdictOn } from '../test/audit.ts';
import { enqueueAll } from '../test/enqueue.ts';
import { aFleet, outcomesOf, wrongVotes, type FleetVote } from '../test/fleet.ts';
import { DAY_S, nowS, useStand } from '../test/stand.ts';
import { settingsFor, startReplicas } from '../test/voter-process.ts';

const stand = useStand();
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const PROCESSES = 4;
const REPLICAS = 20;
const VOTERS = 4;
const EACH = 30;
const PER_MINUTE = 100;
/** Every other vote is urgent: it closes in minutes, the rest tomorrow. */
const isUrgent = (nth: number): boolean => nth % 2 === 0;
const endS = (nth: number): number => nowS() + (isUrgent(nth) ? 360 + nth : DAY_S + nth);

/**
 * A minute, less what a request may take longer than the one before it on its way from leave to send to the sandbox: the rule
 * is about leaves, what is counted are arrivals.
 */
const WINDOW_MS = 55_000;

test('twenty replicas: one vote each, within the limit, urgent ones first', { timeout: 600_000 }, async () => {
  const fleet = await aFleet(stand, { voters: VOTERS, each: EACH }, endS);
  // The real sequencer's own limit is a quarter above the setting's default: so is this one.
  await stand.control('PATCH', 'world', { limits: { sequencer_per_minute: PER_MINUTE * 1.25 } });
  // All wait before the first replica is there: shuffled, so that no order but the deadlines' explains that of the votes.
  await enqueueAll(
    stand,
    fleet.votes.toSorted((a, b) => (a.proposal.id < b.proposal.id ? -1 : 1)),
  );
  const env = {
    ...(await settingsFor(stand, fleet.voters)),
    SEQUENCER_SENDS_PER_MINUTE: `${PER_MINUTE}`,
    CONCURRENCY: '1',
    JOB_LOCK_S: '30',
  };
  const connection = connectPatient(stand.server().url, quiet);
  closers.push(async () => connection.disconnect());
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  closers.push(() => queue.close());
  const children = await Promise.all(
    Array.from({ length: PROCESSES }, () => startReplicas(stand, env, REPLICAS / PROCESSES)),
  );
  closers.push(() => Promise.all(children.map((child) => child.stop())));
  expect(await queue.getWorkersCount()).toBe(REPLICAS);

  const open = async (): Promise<number> =>
    [...(await outcomesOf(fleet.votes)).values()].filter((record) => record === undefined).length;
  await expect.poll(open, { timeout: 400_000, interval: 1_000 }).toBe(0);
  const others = [...(await outcomesOf(fleet.votes)).values()].filter((record) => record?.outcome.kind !== 'cast');
  expect({ others, wrong: wrongVotes(stand, fleet.votes) }).toEqual({ others: [], wrong: [] });

  const sends = stand.sandbox().world.received.filter(({ endpoint }) => endpoint === 'sequencer');
  expect(sends.length, 'one send each').toBe(fleet.votes.length);
  const times = sends.map(({ arrived_ms: at }) => at).toSorted((a, b) => a - b);
  const most = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + WINDOW_MS).length));
  expect(most).toBeLessThanOrEqual(PER_MINUTE);
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  expect(last - first, 'longer than a minute, so that the limit is seen at work').toBeGreaterThan(60_000);

  const arrival = (vote: FleetVote): number =>
    sends.findIndex(({ body }) => JSON.stringify(body).includes(vote.proposal.id));
  const meanOf = (urgent: boolean): number => {
    const places = fleet.votes.filter((_, nth) => isUrgent(nth) === urgent).map(arrival);
    return places.reduce((sum, place) => sum + place, 0) / places.length;
  };
  const [urgent, rest] = [meanOf(true), meanOf(false)];
  process.stdout.write(
    `${sends.length} votes, ${most} in ${WINDOW_MS / 1_000} s at most; mean places: urgent ${urgent}, the rest ${rest}\n`,
  );
  // Half of 120 votes in perfect order: 29.5 and 89.5 on average.
  expect(rest - urgent).toBeGreaterThan(fleet.votes.length / 4);

  for (const { voter, deps } of fleet.voters) {
    const verdict = () => verdictOn(stand.redis(), voter, { keys: [deps.voterKey] });
    await expect.poll(async () => (await verdict()).votes.cast, { timeout: 90_000, interval: 500 }).toBe(EACH);
    expect((await verdict()).faults).toEqual([]);
  }
});
