/**
 * Voter services that are killed with -9 at 200 random moments, two at a time, while hub and sequencer are at their worst and Redis
 * is killed under them: every vote is on the sandbox once and as it was decided, every job ends, every chain verifies.
 */
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AuditFault } from '@quorum/shared/audit-links';
import { readRecord } from '@quorum/shared/audit-record';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { connectPatient } from '@quorum/shared/redis';
import type { Address } from '@quorum/snapshot/proposal';
import { Queue } from 'bullmq';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { quiet } from '../../../packages/shared/test/samples.ts';
import type { Child } from '../../../scripts/child.ts';
import { exportOf, verdictOn } from '../test/audit.ts';
import { enqueueAll } from '../test/enqueue.ts';
import { aFleet, outcomesOf, wrongVotes, type FleetVote } from '../test/fleet.ts';
import { useStand } from '../test/stand.ts';
import { settingsFor, startVoterProcess } from '../test/voter-process.ts';

const stand = useStand({ appendonly: true });
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const KILLS = 200;
/** Processes that live side by side. */
const LANES = 2;
/** Redis is killed after each of these many kills. */
const REDIS_EVERY = 40;
/** Votes that wait or are under way at any time, so that there is something to be killed in. */
const OPEN = 12;
const VOTERS = 8;
const EACH = 50;
/** Long enough for a life of one process to see all steps of a vote, short enough to be cut off in each of them. */
const LONGEST_LIFE_MS = 900;

/** What hub and sequencer do, each to a share of the requests. */
const FAULTS = [
  { endpoint: 'sequencer', share: 0.08, status: 425, body: inFlight() },
  { endpoint: 'sequencer', share: 0.08, status: 500, stored: true, latency_ms: 60 },
  { endpoint: 'sequencer', share: 0.08, status: 503 },
  { endpoint: 'sequencer', share: 0.08, cut: 'before', latency_ms: 90 },
  { endpoint: 'sequencer', share: 0.08, cut: 'after', latency_ms: 90 },
  { endpoint: 'sequencer', share: 0.4, latency_ms: 400 },
  { endpoint: 'hub', share: 0.05, status: 503 },
  { endpoint: 'hub', share: 0.05, cut: 'after' },
  { endpoint: 'hub', share: 0.3, latency_ms: 120 },
] as const;

/** The lines of a chain that tell of the votes in which there are faults. */
async function linesOfFaults(voter: Address, faults: readonly AuditFault[]): Promise<string[]> {
  const lines = await exportOf(stand.redis(), voter);
  const records = lines.map((line) => ({ line, record: readRecord(line) }));
  const seqs = new Set(faults.map(({ seq }) => seq));
  const about = records.flatMap(({ record }) =>
    record !== null && 'vote' in record && seqs.has(record.seq) ? [record.vote] : [],
  );
  return lines.filter((line) => about.some((vote) => line.includes(vote)));
}

function inFlight() {
  return { error: 'client_error', error_description: 'request already being processed' };
}

test('200 kills at random moments: one vote each, none wrong, no job lost, every chain verifies', async () => {
  const seed = Date.now() % 1_000_000;
  const lives = fc.sample(fc.integer({ min: 0, max: LONGEST_LIFE_MS }), { numRuns: KILLS, seed });
  const fleet = await aFleet(stand, { voters: VOTERS, each: EACH });
  const env = {
    ...(await settingsFor(stand, fleet.voters)),
    SEQUENCER_SENDS_PER_MINUTE: '10000',
    // Few at a time: no vote may be killed 20 times, where its job is given up.
    CONCURRENCY: '2',
    // A process that is killed leaves nothing for the next one; the first of all ends in peace.
    NODE_COMPILE_CACHE: path.join(stand.dir(), 'compiled'),
  };
  const connection = connectPatient(stand.server().url, quiet);
  closers.push(async () => connection.disconnect());
  const queue = new Queue('vote', { connection, prefix: BULL_PREFIX });
  closers.push(() => queue.close());
  // Redis is killed under it.
  queue.on('error', () => undefined);
  for (const [at, fault] of FAULTS.entries()) await stand.fault({ ...fault, seed: seed + at });

  const enqueued: FleetVote[] = [];
  /** Tops up what is open, and lets what was put off come back at once: a life is shorter than any wait. */
  async function feed(): Promise<void> {
    const open = [...(await outcomesOf(enqueued)).values()].filter((record) => record === undefined).length;
    const next = fleet.votes.slice(enqueued.length, enqueued.length + Math.max(0, OPEN - open));
    enqueued.push(...next);
    await enqueueAll(stand, next);
    await queue.promoteJobs();
  }
  async function born(): Promise<Child> {
    const child = await startVoterProcess(stand, env);
    closers.push(() => child.stop());
    return child;
  }

  await (await born()).stop();
  const left = lives.entries();
  let struck = 0;
  async function lane(): Promise<void> {
    for (const [nth, lifeMs] of left) {
      const child = await born();
      await feed();
      await pause(lifeMs);
      if (nth % REDIS_EVERY === REDIS_EVERY - 1) await stand.server().restart();
      if (stand.sandbox().world.received.some(({ answer }) => answer === null)) struck += 1;
      child.kill();
      expect(await child.ended, `seed ${seed}`).toBe('SIGKILL');
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));

  await stand.control('DELETE', 'faults');
  await born();
  await born();
  const lost = async (): Promise<string[]> => {
    await queue.promoteJobs();
    return [...(await outcomesOf(enqueued))].filter(([, record]) => record === undefined).map(([id]) => id);
  };
  await expect.poll(lost, { timeout: 120_000, interval: 250, message: `seed ${seed}` }).toEqual([]);
  const outcomes = await outcomesOf(enqueued);
  const others = [...outcomes].filter(([, record]) => record?.outcome.kind !== 'cast');
  const jobs = async (): Promise<string[]> => {
    const states = await Promise.all([...outcomes.keys()].map((id) => queue.getJobState(id)));
    return [...new Set(states)];
  };
  await expect.poll(jobs, { timeout: 60_000, interval: 250, message: `seed ${seed}` }).toEqual(['completed']);
  process.stdout.write(
    `${KILLS} kills (seed ${seed}), ${struck} of them with a call under way; ${enqueued.length} votes\n`,
  );
  expect({ seed, others, wrong: wrongVotes(stand, enqueued) }).toEqual({ seed, others: [], wrong: [] });
  expect(struck, `kills with a call under way, seed ${seed}`).toBeGreaterThan(KILLS / 4);
  expect(enqueued.length, `votes, seed ${seed}`).toBeGreaterThan(KILLS / 2);

  for (const { voter, deps } of fleet.voters) {
    const ours = enqueued.filter(({ of }) => of.voter === voter);
    const onHub = await deps.hub.votes({ voter, proposals: ours.map(({ proposal }) => proposal.id) });
    const verdict = () => verdictOn(stand.redis(), voter, { keys: [deps.voterKey], votes: onHub });
    const named = { message: `seed ${seed}, ${voter}` };
    const sealed = async () => (await verdict()).votes.cast;
    await expect.poll(sealed, { timeout: 90_000, interval: 500, ...named }).toBe(ours.length);
    const { faults, votes } = await verdict();
    const told = faults.length === 0 ? [] : await linesOfFaults(voter, faults);
    expect({ seed, voter, votes, faults, told }).toMatchObject({
      votes: { cast: ours.length, open: 0 },
      faults: [],
      told: [],
    });
  }
}, 900_000);
