/** Notices put together: what the worker of the queue `notify` stands on. */
import { Resolver } from 'node:dns/promises';
import { createDeliveries } from '@quorum/shared/deliveries';
import { QuorumError } from '@quorum/shared/errors';
import { wasLeftByPolicy } from '@quorum/shared/left-over';
import type { Fixed } from '@quorum/shared/settings';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import { createRecords } from '@quorum/shared/records';
import type { RunningWorker } from '@quorum/shared/run-worker';
import { readSecretFile } from '@quorum/shared/secret-file';
import type { Traces } from '@quorum/shared/traces';
import type { Redis } from 'ioredis';
import type { GatewayConfig } from '../config.ts';
import { resolveAny, resolvePublic } from './address.ts';
import type { DeliveryMetrics } from './delivery-metrics.ts';
import { WAITS_MS } from './notify-job.ts';
import { createWebhooks, type WebhooksOptions } from './webhooks.ts';
import { startNotifier } from './worker.ts';

const SECOND_MS = 1_000;
/** Within which a receiver answers. Shorter than half of a shutdown. */
const SEND_MS = 10 * SECOND_MS;
const DNS = { timeout: 2 * SECOND_MS, tries: 2 } as const;
const SECRET_LEAST = 32;

type Settings = Fixed<typeof GatewayConfig>;

/** The webhook of the settings. Throws where its secret cannot be used. */
export function webhookSetting(fixed: Settings): WebhooksOptions['setting'] {
  const { OWNER_ID: owner } = fixed;
  const [url, file] = [fixed.WEBHOOK_URL, fixed.WEBHOOK_SECRET_FILE];
  if (url === undefined) return null;
  if (file === undefined) {
    throw new QuorumError(
      'signing',
      'WEBHOOK_URL needs a WEBHOOK_SECRET_FILE: nobody could verify what is sent there.',
    );
  }
  const secret = readSecretFile(file);
  if (secret.length < SECRET_LEAST) {
    throw new QuorumError('signing', `The secret in ${file} has fewer than ${SECRET_LEAST} characters.`);
  }
  return { owner, url, secret };
}

export type OpenNotifierOptions = {
  /** One that waits for a Redis that is away. */
  readonly connection: Redis;
  readonly fixed: Settings;
  readonly macKey: Buffer | null;
  readonly setting: WebhooksOptions['setting'];
  readonly metrics: Metrics;
  readonly deliveryMetrics: DeliveryMetrics;
  readonly traces: Traces | null;
  readonly log: Logger;
};

/** Starts to deliver notices. Does not wait for Redis. */
export function openNotifier(options: OpenNotifierOptions): RunningWorker {
  const { connection, fixed, macKey, setting, metrics, deliveryMetrics, traces, log } = options;
  const allowPrivate = fixed.WEBHOOK_ALLOW_PRIVATE;
  return startNotifier({
    connection,
    log,
    metrics,
    traces,
    deps: {
      deliveries: createDeliveries(connection),
      webhooks: createWebhooks({ redis: connection, macKey, setting, metrics, log }),
      records: createRecords(connection),
      leftByPolicy: (owner, space, proposal) => wasLeftByPolicy(connection, owner, space, proposal),
      allowPrivate,
      resolve: allowPrivate ? resolveAny : resolvePublic(new Resolver(DNS)),
      timeoutMs: SEND_MS,
      waitsMs: WAITS_MS,
      metrics: deliveryMetrics,
      now: Date.now,
    },
  });
}
