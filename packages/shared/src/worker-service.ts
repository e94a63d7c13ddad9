/**
 * What the processes of fetcher, decider and voter have in common: a Redis that is waited for, records and transitions on it,
 * metrics, one worker, and the small server that tells how they are. The server is there first, so that a service that waits for
 * Redis is seen to be alive and not ready; it is closed first, so that nobody is told of a worker that stops.
 */
import type { OnExchange } from '@quorum/snapshot/exchange';
import type { Redis } from 'ioredis';
import { redisUrl, type WorkerConfig } from './config.ts';
import { createHeart, type Heart } from './heart.ts';
import { runService } from './lifecycle.ts';
import type { LiveConfig } from './live-config.ts';
import { createLogger, type Logger } from './log.ts';
import { countExchanges, createMetrics, type Metrics } from './metrics.ts';
import { startProbe } from './probe.ts';
import { createRecords, type Records } from './records.ts';
import { connectPatient } from './redis.ts';
import type { RunningWorker } from './run-worker.ts';
import { openTraces, TRACES_CLOSE_MS, type Traces } from './traces.ts';
import { createTransitions, type Transitions } from './transitions.ts';
import { countWritten } from './written.ts';

const SECOND_MS = 1_000;

/** What a worker is made of. */
export type WorkerParts = {
  readonly connection: Redis;
  readonly concurrency: number;
  readonly lockS: number;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly traces: Traces | null;
  readonly records: Records;
  readonly transitions: Transitions;
  /** What it is told to look at, others are told of (`health.ts`). */
  readonly heart: Heart;
};

/** The part of a worker service's configuration that all of them have. */
type WorkerLiveConfig = Pick<LiveConfig<typeof WorkerConfig>, 'service' | 'fixed' | 'now' | 'keepFresh' | 'secrets'>;

export type WorkerServiceOptions = {
  readonly config: WorkerLiveConfig;
  /** Starts the worker. What it throws is logged, and the process ends with 1. */
  readonly start: (parts: WorkerParts) => Promise<RunningWorker>;
};

/** Runs a worker process until it is told to stop. Never throws: it ends the process. */
export async function runWorkerService({ config, start }: WorkerServiceOptions): Promise<void> {
  const { service, fixed } = config;
  const log = createLogger(service, config.now().LOG_LEVEL, { secrets: config.secrets() });
  await runService({
    log,
    shutdownTimeoutS: fixed.SHUTDOWN_TIMEOUT_S,
    async start(stack) {
      const traces = await openTraces(service, fixed, log);
      if (traces !== null) stack.add('traces', () => traces.close(TRACES_CLOSE_MS));
      const metrics = createMetrics(service);
      const redis = connectPatient(redisUrl(fixed), log);
      stack.add('redis', async () => redis.disconnect());

      let worker: RunningWorker | undefined;
      const heart = createHeart({
        service,
        redis,
        log,
        settings: () => ({ everyS: config.now().HEARTBEAT_S, pingS: config.now().UPSTREAM_PING_S }),
        working: () => worker?.isRunning() === true,
      });
      const probe = await startProbe({
        host: fixed.HOST,
        port: fixed.METRICS_PORT,
        registry: metrics.registry,
        log,
        ready: async () => worker?.isRunning() === true && redis.status === 'ready',
      });
      worker = await start({
        connection: redis,
        concurrency: config.now().CONCURRENCY,
        lockS: fixed.JOB_LOCK_S,
        log,
        metrics,
        traces,
        records: createRecords(redis, countWritten(metrics)),
        transitions: createTransitions(redis, null, countWritten(metrics)),
        heart: { ...heart, onExchange: tellBoth(countExchanges(metrics), heart.onExchange) },
      });
      const { close, ready, setConcurrency } = worker;
      // Half of the time for jobs under way, the other half for handing back what did not end.
      stack.add('worker', () => close((fixed.SHUTDOWN_TIMEOUT_S * SECOND_MS) / 2));
      stack.add('probe', probe.close);
      heart.start();
      stack.add('heartbeat', heart.stop);
      // Whoever is told that it is ready may ask it at once.
      await ready();

      const fresh = config.keepFresh({
        log,
        metrics,
        onApplied() {
          // A job's own logger is made when the job is taken, and has this level from then on.
          log.level = config.now().LOG_LEVEL;
          setConcurrency(config.now().CONCURRENCY);
        },
      });
      stack.add('settings', fresh.close);
      return { url: probe.url };
    },
  });
}

function tellBoth(one: OnExchange, other: OnExchange): OnExchange {
  return (exchange) => {
    one(exchange);
    other(exchange);
  };
}
