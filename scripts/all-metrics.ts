/** Every metric of every service, as it is registered; nothing is asked of anybody. */
import { measureBudget } from '@quorum/decider/budget-metrics';
import { createModelMetrics } from '@quorum/decider/model-metrics';
import { createEventStreams } from '@quorum/gateway/event-streams';
import { measureFleet } from '@quorum/gateway/fleet-metrics';
import { createLimits } from '@quorum/gateway/limits';
import { measureQueues, measureRequests } from '@quorum/gateway/metrics';
import { measureDeliveries } from '@quorum/gateway/webhook/delivery-metrics';
import { createAuditChain } from '@quorum/shared/audit-chain';
import { createBudget } from '@quorum/shared/budget';
import { createDeliveries } from '@quorum/shared/deliveries';
import { createMetrics, type Metrics } from '@quorum/shared/metrics';
import { createRecords } from '@quorum/shared/records';
import { measureVoter } from '@quorum/voter/voter-metrics';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { SERVICES, type ServiceName } from './services.ts';

export type MetricShape = {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
  /** The services that register it; what they share all of them do. */
  readonly services: readonly ServiceName[];
};

const Registered = z.object({ name: z.string(), help: z.string(), type: z.string(), labelNames: z.array(z.string()) });

/** All of them, by name. */
export function allMetrics(): MetricShape[] {
  // Never connected: a gauge asks when it is read, and nobody reads it here.
  const redis = new Redis({ lazyConnect: true });
  const found = SERVICES.flatMap((service) => {
    const metrics = createMetrics(service);
    REGISTER[service](metrics, redis);
    return z
      .array(Registered)
      .parse(metrics.registry.getMetricsAsArray())
      .map((metric) => ({ service, metric }));
  });
  const byName = Map.groupBy(found, ({ metric }) => metric.name);
  return [...byName.values()]
    .flatMap(([first, ...rest]): MetricShape[] => {
      if (first === undefined) return [];
      const { labelNames, ...metric } = first.metric;
      return [{ ...metric, labels: labelNames, services: [first, ...rest].map(({ service }) => service) }];
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const REGISTER: Readonly<Record<ServiceName, (metrics: Metrics, redis: Redis) => void>> = {
  gateway(metrics, redis) {
    const limits = { windowS: 1, readsPerOwner: 1, readsPerAddress: 1, startsPerOwner: 1, startsPerAddress: 1 };
    measureRequests(metrics);
    measureQueues(metrics, { counts: async () => ({}) });
    measureDeliveries(metrics, createDeliveries(redis));
    createLimits({ redis, metrics, limitMs: () => 1, settings: () => ({ ...limits, badKeysPerAddress: 1 }) });
    createEventStreams(() => ({ heartbeatS: 1, maxClients: 1 }), metrics.registry);
    const queues = { next: async () => ({ paused: false, jobs: [] }) };
    measureFleet({ redis, metrics, queues, records: createRecords(redis), now: Date.now });
  },
  fetcher: () => undefined,
  decider(metrics, redis) {
    createModelMetrics(metrics.registry);
    const caps = () => ({ run: 0, owner_day: 0, day: 0 });
    measureBudget(metrics.registry, { budget: createBudget(redis), caps, now: Date.now });
  },
  voter(metrics, redis) {
    const deps = { records: createRecords(redis), auditChain: createAuditChain(redis), licences: new Map() };
    measureVoter({ metrics, ...deps, now: Date.now });
  },
};
