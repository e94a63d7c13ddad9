/**
 * Metrics of a service, on a registry of its own: Node's defaults, the jobs that its worker took, and what was written, asked and
 * refused. What only one service knows is registered by that service. docs/operations/metrics.md lists all of them; a test holds
 * the two to each other.
 */
import { REFUSAL_CODES } from '@quorum/snapshot/errors';
import type { OnExchange } from '@quorum/snapshot/exchange';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { fromZero } from './from-zero.ts';
import { HOLD_STATES } from './hold.ts';
import { FAULTS } from './preference-store.ts';
import { securityEvents, type SecurityCounter } from './security-events.ts';

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

const DURATION_BUCKETS_S = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const REQUEST_BUCKETS_S = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const RUN_BUCKETS_S = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600];
const LEFT_BUCKETS_S = [
  2 * MINUTE_S,
  5 * MINUTE_S,
  10 * MINUTE_S,
  30 * MINUTE_S,
  HOUR_S,
  6 * HOUR_S,
  12 * HOUR_S,
  DAY_S,
  3 * DAY_S,
  7 * DAY_S,
  14 * DAY_S,
];

const FINAL_STATES = ['completed', 'failed', 'cancelled'] as const;

/** How an attempt at a job ended. */
export type JobEnd = 'completed' | 'failed' | 'retried' | 'delayed';

export type Metrics = ReturnType<typeof createMetrics>;

/** The metrics of one service. Labels are bounded: never an id, an address or a text. */
export function createMetrics(service: string) {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    jobs: new Counter({
      name: 'quorum_jobs_total',
      help: 'Attempts at jobs by how they ended: completed, failed, retried (a failure that is tried again), delayed (put off, at no cost)',
      labelNames: ['queue', 'job', 'result'] as const,
      registers,
    }),
    jobDuration: new Histogram({
      name: 'quorum_job_duration_seconds',
      help: 'Duration of attempts at jobs',
      labelNames: ['queue', 'job', 'result'] as const,
      buckets: DURATION_BUCKETS_S,
      registers,
    }),
    jobsInFlight: new Gauge({
      name: 'quorum_jobs_in_flight',
      help: 'Jobs that this process works on now',
      labelNames: ['queue'] as const,
      registers,
    }),
    jobsStalled: new Counter({
      name: 'quorum_jobs_stalled_total',
      help: 'Jobs taken back from a worker that vanished',
      labelNames: ['queue'] as const,
      registers,
    }),
    outcomes: new Counter({
      name: 'quorum_outcomes_total',
      help: 'Proposals by the outcome in which they left their run, and why',
      labelNames: ['kind', 'why'] as const,
      registers,
    }),
    runs: fromZero(
      new Counter({
        name: 'quorum_runs_total',
        help: 'Runs by the state in which they ended',
        labelNames: ['status'] as const,
        registers,
      }),
      FINAL_STATES,
    ),
    runDuration: runDurations(registry),
    turns: fromZero(
      new Counter({
        name: 'quorum_turns_total',
        help: 'Turns of watches and appointments by what came of them: created (a run), joined (one was under way), replayed (delivered again), put_off (a run of the other kind is under way), superseded (it counts no more)',
        labelNames: ['result'] as const,
        registers,
      }),
      ['created', 'joined', 'replayed', 'put_off', 'superseded'],
    ),
    votes: fromZero(
      new Counter({
        name: 'quorum_votes_total',
        help: 'Votes by what became of them: cast (read back from the hub), voided (given up), adopted (found there, and unknown to the ledger or voided)',
        labelNames: ['result'] as const,
        registers,
      }),
      ['cast', 'voided', 'adopted'],
    ),
    voteSends: fromZero(
      new Counter({
        name: 'quorum_vote_sends_total',
        help: 'Votes sent to the sequencer by its answer: accepted, unknown (it may have been stored), or why it was refused',
        labelNames: ['result'] as const,
        registers,
      }),
      ['accepted', 'unknown', ...REFUSAL_CODES],
    ),
    voteTimeLeft: new Histogram({
      name: 'quorum_vote_time_left_seconds',
      help: 'Time that was left to the end of the proposal when its vote was read back from the hub',
      buckets: LEFT_BUCKETS_S,
      registers,
    }),
    holds: fromZero(
      new Counter({
        name: 'quorum_holds_total',
        help: 'Holds by the states that they came into: waiting (made), approved, rejected, expired, superseded, cast, skipped, failed',
        labelNames: ['state'] as const,
        registers,
      }),
      HOLD_STATES,
    ),
    upstreamRequests: new Counter({
      name: 'quorum_upstream_requests_total',
      help: 'Requests to the hub, the sequencer and the models by the status of their answers (none: there was no answer), and whether they answered as one that works does (ok); the hub says with 200 too that it failed',
      labelNames: ['upstream', 'status', 'ok'] as const,
      registers,
    }),
    upstreamDuration: new Histogram({
      name: 'quorum_upstream_request_duration_seconds',
      help: 'Time from a request to an upstream to the end of its answer',
      labelNames: ['upstream'] as const,
      buckets: REQUEST_BUCKETS_S,
      registers,
    }),
    gate: new Counter({
      name: 'quorum_upstream_gate_total',
      help: 'What the gates before upstreams did: shut (an upstream asked for a pause), held_back (a request that waits for its end)',
      labelNames: ['upstream', 'result'] as const,
      registers,
    }),
    preferencesLoads: fromZero(
      new Counter({
        name: 'quorum_preferences_loads_total',
        help: 'Loads of preferences by what was found: stored, missing, or the fault that keeps them from being used',
        labelNames: ['result'] as const,
        registers,
      }),
      ['stored', 'missing', ...FAULTS],
    ),
    configReloads: fromZero(
      new Counter({
        name: 'quorum_config_reloads_total',
        help: 'Readings of the settings file while running: applied, unchanged, needs_restart or invalid',
        labelNames: ['result'] as const,
        registers,
      }),
      ['applied', 'unchanged', 'needs_restart', 'invalid'],
    ),
    security: securityCounter(registry),
  };
}

function runDurations(registry: Registry): Histogram<'status'> {
  const histogram = new Histogram({
    name: 'quorum_run_duration_seconds',
    help: 'Time from the start of a run to its end',
    labelNames: ['status'] as const,
    buckets: RUN_BUCKETS_S,
    registers: [registry],
  });
  for (const status of FINAL_STATES) histogram.zero({ status });
  return histogram;
}

function securityCounter(registry: Registry): SecurityCounter & Pick<Counter<'event'>, 'get'> {
  const counter = new Counter({
    name: 'quorum_security_events_total',
    help: 'What was refused since it was not ours or not allowed, what is used up, what was switched; docs/operations/logs.md explains each',
    labelNames: ['event'] as const,
    registers: [registry],
  });
  return fromZero(counter, securityEvents());
}

/** Counts requests to upstreams, each as it comes to its end. */
export function countExchanges({ upstreamRequests, upstreamDuration }: Metrics): OnExchange {
  return ({ upstream, status, ok, durationMs }) => {
    // Whatever a proxy makes up is no status of HTTP.
    const known = status !== null && status >= 100 && status <= 599;
    upstreamRequests.inc({ upstream, status: known ? String(status) : 'none', ok: String(ok) });
    upstreamDuration.observe({ upstream }, durationMs / 1_000);
  };
}
