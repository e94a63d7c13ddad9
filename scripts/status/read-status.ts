/**
 * What Quorum does just now, as Redis has it: queues, workers, runs, holds, what is due. It reads and changes nothing, and needs no
 * service. What cannot be read is counted and stands in the way of nothing else.
 */
import { createAppointments } from '@quorum/shared/appointments';
import { isOpen, stateAt } from '@quorum/shared/hold';
import { RunId } from '@quorum/shared/ids';
import { QUEUES, type QueueName } from '@quorum/shared/jobs';
import { createRecords, type Records, type RunRecord } from '@quorum/shared/records';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { nextTick, watchScheduleId, type ScheduleQueue } from '@quorum/shared/schedules';
import { readVoting, VOTING_ENABLED } from '@quorum/shared/voting';
import { waitingJobs } from '@quorum/shared/waiting-jobs';
import { createWatches } from '@quorum/shared/watches';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { workersOf, type ConnectedWorker } from './workers.ts';

const MOST_RUNS = 10;
/** Of each state that waits; the oldest of more is not looked for. */
const LOOKED_AT = 100;
const COUNTED = ['waiting', 'prioritized', 'active', 'delayed', 'waiting-children', 'failed'] as const;

export type QueueStatus = {
  readonly queue: QueueName;
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
  /** Jobs that wait for their children. */
  readonly parents: number;
  /** Within the last hour. */
  readonly failed: number;
  /** When the oldest of the jobs that could be taken now was added, Unix milliseconds; null where none waits. */
  readonly oldestMs: number | null;
  /** Null where Redis does not say. */
  readonly workers: readonly ConnectedWorker[] | null;
};

export type RunStatusLine = {
  readonly run_id: string;
  readonly owner: string;
  readonly space_id: string;
  readonly dry_run: boolean;
  readonly status: string;
  /** That it is to be cancelled. */
  readonly cancelled: boolean;
  readonly acceptedMs: number;
  readonly finishedMs: number | null;
  /** Null until they are known. */
  readonly selected: number | null;
  /** How many proposals ended in which outcome. */
  readonly outcomes: Readonly<Record<string, number>>;
};

export type HoldLine = {
  readonly hold_id: string;
  readonly owner: string;
  readonly space_id: string;
  readonly title: string;
  readonly state: string;
  readonly why: string;
  readonly deadlineMs: number;
};

/** What comes by itself. */
export type Due = {
  readonly kind: 'watch' | 'appointment';
  readonly owner: string;
  readonly space_id: string;
  readonly dry_run: boolean;
  /** Null: its scheduler is not there yet. */
  readonly atMs: number | null;
};

export type Status = {
  readonly atMs: number;
  /** Whether votes are real ones; null before the first start. */
  readonly mode: string | null;
  readonly voting: { readonly all: boolean; readonly paused_owners: readonly string[] };
  /** One whose keys are of another kind is missing. */
  readonly queues: readonly QueueStatus[];
  readonly runs: readonly RunStatusLine[];
  readonly holds: readonly HoldLine[];
  readonly due: readonly Due[];
  /** Records that do not fit what they should be. */
  readonly unreadable: number;
};

/** Reads everything at about one moment. */
export async function readStatus(redis: Redis, nowMs: number): Promise<Status> {
  const queues = new Map(QUEUES.map((name) => [name, openToRead(name, redis)]));
  const runs = queues.get('agent-run');
  if (runs === undefined) throw new TypeError('There is no queue of runs');
  const records = createRecords(redis);
  try {
    const odd: Odd = { keys: 0 };
    const [mode, voting, states, lastRuns, holds, due] = await Promise.all([
      unlessOdd(odd, null, () => redis.get(keys.mode())),
      // What does not say that it is enabled is paused.
      unlessOdd(odd, { all: false, paused_owners: [] }, () => votingNow(redis, records)),
      Promise.all([...queues].map(([name, queue]) => unlessOdd(odd, null, () => queueStatus(name, queue, redis)))),
      unlessOdd(odd, NO_LINES, () => lastRunsOf(redis, records)),
      unlessOdd(odd, { records: [], odd: [] }, () => records.openHolds()),
      unlessOdd(odd, NO_LINES, () => whatIsDue(redis, runs)),
    ]);
    const open = holds.records.filter((hold) => isOpen({ state: stateAt(hold, nowMs) }));
    return {
      atMs: nowMs,
      mode,
      voting,
      queues: states.filter((one) => one !== null),
      runs: lastRuns.lines,
      holds: open.map(({ subject, state, why, deadlineMs }) => {
        const { hold_id, owner, space_id, title } = subject;
        return { hold_id, owner, space_id, title, state, why, deadlineMs };
      }),
      due: due.lines,
      unreadable: odd.keys + lastRuns.odd + holds.odd.length + due.odd,
    };
  } finally {
    await Promise.all([...queues.values()].map((queue) => queue.close()));
  }
}

/** A queue that writes nothing: by itself BullMQ would note its version as it is opened. */
function openToRead(name: QueueName, connection: Redis): Queue {
  const queue = new Queue(name, { connection, prefix: BULL_PREFIX, skipMetasUpdate: true, skipVersionCheck: true });
  // What goes wrong is thrown by what was asked.
  queue.on('error', () => undefined);
  return queue;
}

async function votingNow(redis: Redis, records: Records): Promise<Status['voting']> {
  const [all, owners] = await Promise.all([redis.get(keys.votingGlobal()), records.announcedOwners()]);
  const each = await Promise.all(owners.map(async (owner) => ({ owner, voting: await readVoting(redis, owner) })));
  const paused = each.filter(({ voting }) => !voting.owner).map(({ owner }) => owner);
  return { all: all === VOTING_ENABLED, paused_owners: paused.toSorted() };
}

/** How many keys of Redis are not what they should be. */
type Odd = { keys: number };

/** What `read` reads; `without`, and one more that is odd, where somebody put something else there. */
async function unlessOdd<T>(odd: Odd, without: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('WRONGTYPE '))) throw error;
    odd.keys += 1;
    return without;
  }
}

async function queueStatus(name: QueueName, queue: Queue, redis: Redis): Promise<QueueStatus> {
  const [counts, first, workers] = await Promise.all([
    queue.getJobCounts(...COUNTED),
    waitingJobs(queue, redis, LOOKED_AT),
    workersOf(queue),
  ]);
  const added = first.map(({ addedAtMs }) => addedAtMs);
  return {
    queue: name,
    waiting: (counts['waiting'] ?? 0) + (counts['prioritized'] ?? 0),
    active: counts['active'] ?? 0,
    delayed: counts['delayed'] ?? 0,
    parents: counts['waiting-children'] ?? 0,
    failed: counts['failed'] ?? 0,
    oldestMs: added.length === 0 ? null : Math.min(...added),
    workers,
  };
}

type Lines<T> = { readonly lines: readonly T[]; readonly odd: number };

const NO_LINES = { lines: [], odd: 0 } as const;

/** The runs that are open and those that were accepted last, the newest first. */
async function lastRunsOf(redis: Redis, records: Records): Promise<Lines<RunStatusLine>> {
  const [open, accepted] = await Promise.all([
    records.openRuns(),
    redis.zrange(keys.runs(), '0', `${MOST_RUNS - 1}`, 'REV'),
  ]);
  const last = accepted.flatMap((id) => RunId.safeParse(id).data ?? []);
  const ids = new Set([...open.toReversed().slice(0, LOOKED_AT), ...last]);
  const read = await Promise.allSettled([...ids].map((id) => records.run(id)));
  const lines = read.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [lineOf(one.value)] : []));
  const odd = read.filter(({ status }) => status === 'rejected').length;
  return { lines: lines.toSorted((a, b) => b.acceptedMs - a.acceptedMs).slice(0, MOST_RUNS), odd };
}

function lineOf(run: RunRecord): RunStatusLine {
  const outcomes: Record<string, number> = {};
  for (const { outcome } of run.outcomes.values()) outcomes[outcome.kind] = (outcomes[outcome.kind] ?? 0) + 1;
  return {
    run_id: run.runId,
    owner: run.owner,
    space_id: run.space,
    dry_run: run.opening?.dry_run ?? run.dryRun,
    status: run.state,
    cancelled: run.cancelled,
    acceptedMs: run.acceptedAtMs,
    finishedMs: run.finishedAtMs,
    selected: run.opening?.selected.length ?? null,
    outcomes,
  };
}

/** What starts by itself, the soonest first. */
async function whatIsDue(redis: Redis, runs: Queue): Promise<Lines<Due>> {
  const [watches, appointments] = await Promise.all([createWatches(redis).all(), createAppointments(redis).all()]);
  const schedules = runs satisfies ScheduleQueue;
  const watched = watches.records.map(async ({ owner, space_id, dry_run }): Promise<Due> => {
    const atMs = await nextTick(schedules, watchScheduleId(owner, space_id));
    return { kind: 'watch', owner, space_id, dry_run, atMs };
  });
  const appointed = appointments.records.map(({ owner, space_id, dry_run, at }): Due => ({
    kind: 'appointment',
    owner,
    space_id,
    dry_run,
    atMs: at,
  }));
  const lines = [...(await Promise.all(watched)), ...appointed].toSorted(
    (a, b) => (a.atMs ?? Infinity) - (b.atMs ?? Infinity),
  );
  return { lines, odd: watches.odd.length + appointments.odd.length };
}
