/** The gateway's own metrics: the requests that it answered, and how deep the queues are. */
import type { Metrics } from '@quorum/shared/metrics';
import { QUEUES } from '@quorum/shared/jobs';
import type { RequestHandler } from 'express';
import { Counter, Gauge, Histogram } from 'prom-client';
import { BOARD_PATH, isOfBoard } from './board.ts';
import { COUNTED, type Queues } from './queues.ts';

const BUCKETS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts and times each request by the route that answered it. */
export function measureRequests(metrics: Metrics): RequestHandler {
  const registers = [metrics.registry];
  const requests = new Counter({
    name: 'quorum_http_requests_total',
    help: 'Requests answered',
    labelNames: ['route', 'method', 'status'] as const,
    registers,
  });
  const duration = new Histogram({
    name: 'quorum_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer',
    labelNames: ['route', 'method'] as const,
    buckets: BUCKETS_S,
    registers,
  });
  return (request, response, next) => {
    const began = performance.now();
    response.once('finish', () => {
      const { method } = request;
      const route = routeOf(request);
      requests.inc({ route, method, status: response.statusCode });
      duration.observe({ route, method }, (performance.now() - began) / 1_000);
    });
    next();
  };
}

/** The pattern of the route, so that no id becomes a label; `none` for what no route took. */
export function routeOf({ originalUrl, route }: { readonly originalUrl: string; readonly route: unknown }): string {
  if (isOfBoard(originalUrl.split('?')[0] ?? '')) return BOARD_PATH;
  const hasPath = typeof route === 'object' && route !== null && 'path' in route;
  return hasPath && typeof route.path === 'string' ? route.path : 'none';
}

/** Exports the number of jobs per queue and state, counted when it is asked for. Without Redis it exports none. */
export function measureQueues(metrics: Metrics, queues: Pick<Queues, 'counts'>): void {
  const gauge: Gauge<'queue' | 'state'> = new Gauge({
    name: 'quorum_queue_jobs',
    help: 'Jobs by queue and state',
    labelNames: ['queue', 'state'] as const,
    registers: [metrics.registry],
    async collect() {
      const counted = await Promise.allSettled(
        QUEUES.map(async (queue) => ({ queue, counts: await queues.counts(queue) })),
      );
      // Numbers of the past would look like numbers of now.
      gauge.reset();
      for (const { queue, counts } of counted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))) {
        for (const state of COUNTED) gauge.set({ queue, state }, counts[state] ?? 0);
      }
    },
  });
}
