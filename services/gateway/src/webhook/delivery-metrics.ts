/** What is measured of notices: how deliveries end, and how long the oldest one waits. */
import type { Deliveries } from '@quorum/shared/deliveries';
import { fromZero } from '@quorum/shared/from-zero';
import type { Metrics } from '@quorum/shared/metrics';
import { Counter, Gauge } from 'prom-client';

export type DeliveryMetrics = ReturnType<typeof measureDeliveries>;

/** Registers them. The age is read when it is asked for; without Redis there is none. */
export function measureDeliveries({ registry }: Metrics, deliveries: Pick<Deliveries, 'oldestPendingMs'>) {
  const registers = [registry];
  const oldest: Gauge = new Gauge({
    name: 'quorum_webhook_oldest_undelivered_seconds',
    help: 'Age of the oldest notice that was tried and is still to be delivered; 0 where there is none',
    registers,
    async collect() {
      const [asked] = await Promise.allSettled([deliveries.oldestPendingMs()]);
      // A number of the past would look like one of now.
      if (asked.status === 'rejected') return oldest.set(Number.NaN);
      oldest.set(asked.value === null ? 0 : Math.max(0, (Date.now() - asked.value) / 1_000));
    },
  });
  return {
    deliveries: fromZero(
      new Counter({
        name: 'quorum_webhook_deliveries_total',
        help: 'Tries at delivering a notice by how they ended: delivered, failed (tried again), dead, dropped, no_webhook',
        labelNames: ['result'] as const,
        registers,
      }),
      ['delivered', 'failed', 'dead', 'dropped', 'no_webhook'],
    ),
  };
}
