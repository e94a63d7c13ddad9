/**
 * What is measured of the whole: how old the oldest job of a queue is and who works, which runs and holds are open, and how much time
 * is left for what was decided and not voted on yet, by what that waits for (`waiting-votes.ts`). It is read from Redis when a gateway
 * is asked for its metrics; each of several gateways says the same, so whoever draws it takes the largest and never the sum.
 */
import { readHeartbeats, SERVICE_NAMES } from '@quorum/shared/heartbeat';
import { QUEUES } from '@quorum/shared/jobs';
import { askedOnce, measure } from '@quorum/shared/measure';
import type { Metrics } from '@quorum/shared/metrics';
import type { Records } from '@quorum/shared/records';
import { readVoting, readVotingOfAll } from '@quorum/shared/voting';
import type { Redis } from 'ioredis';
import { Gauge } from 'prom-client';
import type { Queues } from './queues.ts';
import { type Ends, endsOfHolds, endsOfRun, WAITS_FOR } from './waiting-votes.ts';

const SECOND_MS = 1_000;
/** So many open runs are looked into for a decision that waits for its vote, the oldest first. */
const LOOKED_INTO = 100;

export type FleetDeps = {
  readonly redis: Redis;
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly queues: Pick<Queues, 'next'>;
  readonly records: Pick<Records, 'openRuns' | 'run' | 'hold' | 'openHoldsAhead' | 'announcedOwners'>;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Registers the gauges. */
export function measureFleet(deps: FleetDeps): void {
  const { redis, queues, now } = deps;
  const ageS = (atMs: number): number => Math.max(0, now() - atMs) / SECOND_MS;
  const runs = askedOnce(() => openRuns(deps));
  const holds = askedOnce(() => openHolds(deps));
  const voting = askedOnce(() => whoVotes(deps));
  const { registry } = deps.metrics;
  const registers = [registry];

  const oldest: Gauge<'queue'> = new Gauge({
    name: 'quorum_queue_oldest_job_seconds',
    help: 'Time since the oldest of the next ten jobs that nobody has taken was added; 0 where none waits',
    labelNames: ['queue'] as const,
    registers,
    async collect() {
      const found = await Promise.allSettled(QUEUES.map(async (queue) => ({ queue, next: await queues.next(queue) })));
      oldest.reset();
      for (const { queue, next } of found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))) {
        oldest.set({ queue }, Math.max(0, ...next.jobs.map(({ addedAtMs }) => ageS(addedAtMs))));
      }
    },
  });
  const beats = askedOnce(() => readHeartbeats(redis));
  const workers: Gauge<'worker'> = new Gauge({
    name: 'quorum_workers',
    help: 'Processes of a service that said within the last minute that they take jobs',
    labelNames: ['worker'] as const,
    registers,
    async collect() {
      const found = await beats();
      workers.reset();
      if (found === null) return;
      for (const worker of SERVICE_NAMES) {
        workers.set(
          { worker },
          found.filter(({ heartbeat }) => heartbeat.service === worker && heartbeat.working).length,
        );
      }
    },
  });
  measure(registry, 'quorum_open_runs', 'Runs that are queued or under way', async () => (await runs())?.count);
  measure(
    registry,
    'quorum_oldest_open_run_seconds',
    'Time since the oldest open run was accepted; 0 where none is open',
    async () => {
      const found = await runs();
      if (found === null) return null;
      // Runs whose records nobody can read are as old as nobody knows, and not new.
      if (found.oldestMs === null) return found.count === 0 ? 0 : null;
      return ageS(found.oldestMs);
    },
  );
  measure(
    registry,
    'quorum_holds_open',
    'Holds that wait for their owners, or for their vote to be made',
    async () => (await holds())?.count,
  );
  const left: Gauge<'waits_for'> = new Gauge({
    name: 'quorum_vote_deadline_seconds',
    help: 'Time that is left for the most urgent proposal that was decided and not voted on, by what it waits for: for its vote, until it closes or its hold expires (waits_for="vote"), for its owner, until they can answer no more (waits_for="owner"), or for voting to be resumed, until its hold expires (waits_for="resumption"); none where there is no such proposal',
    labelNames: ['waits_for'] as const,
    registers,
    async collect() {
      const [open, held] = await Promise.all([runs(), holds()]);
      for (const waitsFor of WAITS_FOR) {
        const ends = [open, held].flatMap((one) => one?.ends[waitsFor] ?? []);
        left.set({ waits_for: waitsFor }, ends.length === 0 ? Number.NaN : (Math.min(...ends) - now()) / SECOND_MS);
      }
    },
  });
  measure(
    registry,
    'quorum_voting_enabled',
    'Whether votes are sent at all: 1, or 0 while voting is paused for all',
    async () => {
      const found = await voting();
      return found && Number(found.all);
    },
  );
  measure(
    registry,
    'quorum_owners_paused',
    'Owners with a signer whose votes are not sent, for all or for themselves',
    async () => {
      return (await voting())?.paused;
    },
  );
}

type Open = { readonly count: number; readonly ends: Ends };
type OpenRuns = Open & { readonly oldestMs: number | null };

async function openRuns({ records }: FleetDeps): Promise<OpenRuns> {
  const ids = await records.openRuns();
  const read = await Promise.allSettled(ids.slice(0, LOOKED_INTO).map((id) => records.run(id)));
  // A record that cannot be read is told of by the watchdog.
  const runs = read.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [one.value] : []));
  return {
    count: ids.length,
    oldestMs: runs.length === 0 ? null : Math.min(...runs.map(({ acceptedAtMs }) => acceptedAtMs)),
    ends: { vote: runs.flatMap(endsOfRun) },
  };
}

async function openHolds({ records, redis }: FleetDeps): Promise<Open> {
  const { count, ahead } = await records.openHoldsAhead();
  return { count, ends: await endsOfHolds(ahead, { records, redis }) };
}

async function whoVotes({ redis, records }: FleetDeps): Promise<{ readonly all: boolean; readonly paused: number }> {
  const [all, owners] = await Promise.all([readVotingOfAll(redis), records.announcedOwners()]);
  const states = await Promise.all(owners.map((owner) => readVoting(redis, owner)));
  return { all, paused: states.filter((one) => !one.global || !one.owner).length };
}
