/**
 * What is measured of the whole: how old the oldest job of a queue is and who works, which runs and holds are open, and how much time
 * is left for what was decided and not voted on yet. It is read from Redis when a gateway is asked for its metrics; each of several
 * gateways says the same, so whoever draws it takes the largest and never the sum.
 */
import { readHeartbeats, SERVICE_NAMES } from '@quorum/shared/heartbeat';
import { QUEUES } from '@quorum/shared/jobs';
import { askedOnce, measure } from '@quorum/shared/measure';
import type { Metrics } from '@quorum/shared/metrics';
import type { Records, RunRecord } from '@quorum/shared/records';
import { readVoting, readVotingOfAll } from '@quorum/shared/voting';
import type { Redis } from 'ioredis';
import { Gauge } from 'prom-client';
import type { Queues } from './queues.ts';

const SECOND_MS = 1_000;
/** So many open runs are looked into for a decision that waits for its vote, the oldest first. */
const LOOKED_INTO = 100;

export type FleetDeps = {
  readonly redis: Redis;
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly queues: Pick<Queues, 'next'>;
  readonly records: Pick<Records, 'openRuns' | 'run' | 'openHoldsAhead' | 'announcedOwners'>;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Registers the gauges. */
export function measureFleet(deps: FleetDeps): void {
  const { redis, queues, now } = deps;
  const ageS = (atMs: number): number => Math.max(0, now() - atMs) / SECOND_MS;
  const runs = askedOnce(() => openRuns(deps));
  const holds = askedOnce(() => deps.records.openHoldsAhead());
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
    help: 'Time that is left for the most urgent proposal that was decided and not voted on: until it closes (waits_for="vote"), or until its owner can answer no more (waits_for="owner"); none where there is no such proposal',
    labelNames: ['waits_for'] as const,
    registers,
    async collect() {
      const [open, held] = await Promise.all([runs(), holds()]);
      const until = (atMs: number | null | undefined): number =>
        atMs === null || atMs === undefined ? Number.NaN : (atMs - now()) / SECOND_MS;
      left.set({ waits_for: 'vote' }, until(open?.soonestEndMs));
      left.set({ waits_for: 'owner' }, until(held?.soonestMs));
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

type OpenRuns = { readonly count: number; readonly oldestMs: number | null; readonly soonestEndMs: number | null };

async function openRuns({ records }: FleetDeps): Promise<OpenRuns> {
  const ids = await records.openRuns();
  const read = await Promise.allSettled(ids.slice(0, LOOKED_INTO).map((id) => records.run(id)));
  // A record that cannot be read is told of by the watchdog.
  const runs = read.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [one.value] : []));
  const ends = runs.flatMap(waitingForVotes);
  return {
    count: ids.length,
    oldestMs: runs.length === 0 ? null : Math.min(...runs.map(({ acceptedAtMs }) => acceptedAtMs)),
    soonestEndMs: ends.length === 0 ? null : Math.min(...ends),
  };
}

/** The ends of the proposals of a live run that were decided and have no outcome yet, Unix milliseconds. */
function waitingForVotes({ opening, dryRun, decisions, outcomes }: RunRecord): number[] {
  if (opening === null || dryRun || opening.dry_run) return [];
  return opening.selected
    .filter(({ proposal_id: id }) => decisions.get(id)?.kind === 'decided' && !outcomes.has(id))
    .map(({ end }) => end * SECOND_MS);
}

async function whoVotes({ redis, records }: FleetDeps): Promise<{ readonly all: boolean; readonly paused: number }> {
  const [all, owners] = await Promise.all([readVotingOfAll(redis), records.announcedOwners()]);
  const states = await Promise.all(owners.map((owner) => readVoting(redis, owner)));
  return { all, paused: states.filter((one) => !one.global || !one.owner).length };
}
