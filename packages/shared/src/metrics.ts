/** Metrics of a service, on a registry of its own: Node's defaults, and the jobs that its worker took. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const DURATION_BUCKETS_S = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

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
      help: 'Attempts at jobs by how they ended',
      labelNames: ['queue', 'result'] as const,
      registers,
    }),
    jobDuration: new Histogram({
      name: 'quorum_job_duration_seconds',
      help: 'Duration of attempts at jobs',
      labelNames: ['queue', 'result'] as const,
      buckets: DURATION_BUCKETS_S,
      registers,
    }),
    jobsInFlight: new Gauge({
      name: 'quorum_jobs_in_flight',
      help: 'Jobs being worked on now',
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
      help: 'Proposals by the outcome that they ended in',
      labelNames: ['kind', 'why'] as const,
      registers,
    }),
    runs: new Counter({
      name: 'quorum_runs_total',
      help: 'Runs by the state that they ended in',
      labelNames: ['status'] as const,
      registers,
    }),
    preferencesLoads: new Counter({
      name: 'quorum_preferences_loads_total',
      help: 'Loads of preferences by what was found: stored, missing, or the fault that keeps them from being used',
      labelNames: ['result'] as const,
      registers,
    }),
    configReloads: new Counter({
      name: 'quorum_config_reloads_total',
      help: 'Readings of the settings file while running: applied, unchanged, needs_restart or invalid',
      labelNames: ['result'] as const,
      registers,
    }),
    security: new Counter({
      name: 'quorum_security_events_total',
      help: 'Refusals by the guard, bad codes, and other things that should never happen',
      labelNames: ['event'] as const,
      registers,
    }),
  };
}
