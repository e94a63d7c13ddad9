/**
 * Where each owner wants to be told: the webhook that they have set by the API, and for the single owner of a gateway without one
 * that of its settings.
 *
 * Redis holds no secret. What an owner's receiver verifies with follows from the gateway's key, the owner and a random id, and is
 * shown once. The record carries the gateway's code, as those of API keys do, so that whoever can write Redis cannot have notices
 * sent elsewhere (ADR 18).
 */
import { createHmac, randomBytes } from 'node:crypto';
import { macIsGood, macOf } from '@quorum/shared/canonical';
import { OwnerId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import { keys } from '@quorum/shared/redis-keys';
import { tellSecurity } from '@quorum/shared/security-events';
import type { Redis } from 'ioredis';
import { z } from 'zod';

const RECORD = 'quorum webhook v1';
const SECRET = 'quorum webhook secret v1';

const Stored = z.strictObject({
  owner: OwnerId,
  id: z.string().regex(/^[0-9a-f]{32}$/),
  url: z.string(),
  created_at: z.iso.datetime(),
  mac: z.string(),
});
type Stored = z.infer<typeof Stored>;

export const WebhookView = z.object({
  url: z.string().describe('Where notices are sent'),
  from: z.enum(['api', 'setting']).describe('api: set by PUT /webhook; setting: by WEBHOOK_URL'),
  created_at: z.iso.datetime().nullable().describe('When it was set; null where it is a setting'),
});
export type WebhookView = z.infer<typeof WebhookView>;

/** A webhook, and the secret by which its receiver knows us. */
export type Webhook = { readonly view: WebhookView; readonly secret: string };

export type WebhooksOptions = {
  readonly redis: Redis;
  /** The gateway's; null: webhooks of the API are neither made nor believed. */
  readonly macKey: Buffer | null;
  /** The webhook of the settings, and whose it is. */
  readonly setting: { readonly owner: OwnerId; readonly url: string; readonly secret: string } | null;
  readonly metrics: Metrics;
  readonly log: Logger;
};

export type Webhooks = ReturnType<typeof createWebhooks>;

export function createWebhooks({ redis, macKey, setting, metrics, log }: WebhooksOptions) {
  function secretOf({ owner, id }: Stored, key: Buffer): string {
    return `qws_${createHmac('sha256', key).update(`${SECRET}\n${owner}\n${id}`).digest('base64url')}`;
  }

  /** What the owner has set; null: nothing, or nothing that is ours. */
  async function ofApi(owner: OwnerId): Promise<Webhook | null> {
    const text = await redis.hget(keys.webhooks(), owner);
    if (text === null || macKey === null) return null;
    const stored = parse(text);
    if (stored === null || stored.owner !== owner || !isOurs(stored, macKey)) {
      tellSecurity({ metrics, log }, 'webhook_forged', { owner });
      return null;
    }
    return webhookOf(stored, macKey);
  }

  function webhookOf(stored: Stored, key: Buffer): Webhook {
    const { url, created_at } = stored;
    return { view: { url, from: 'api', created_at }, secret: secretOf(stored, key) };
  }

  return {
    /** Whether webhooks can be set by the API. */
    canBeSet: macKey !== null,

    /** Where this owner wants to be told; null: nowhere. */
    async of(owner: OwnerId): Promise<Webhook | null> {
      const own = await ofApi(owner);
      if (own !== null || setting === null || setting.owner !== owner) return own;
      return { view: { url: setting.url, from: 'setting', created_at: null }, secret: setting.secret };
    },

    /** Sets an owner's webhook, with a new secret: the one before is worth nothing from then on. */
    async put(owner: OwnerId, url: string, nowMs: number): Promise<Webhook> {
      if (macKey === null) throw new TypeError('Webhooks of the API need the key of the gateway.');
      const record = { owner, id: randomBytes(16).toString('hex'), url, created_at: new Date(nowMs).toISOString() };
      const stored: Stored = { ...record, mac: macOf(RECORD, record, macKey) };
      await redis.hset(keys.webhooks(), owner, JSON.stringify(stored));
      return webhookOf(stored, macKey);
    },

    /** Whether there was one. */
    async remove(owner: OwnerId): Promise<boolean> {
      return (await redis.hdel(keys.webhooks(), owner)) === 1;
    },
  };
}

function isOurs({ mac, ...record }: Stored, key: Buffer): boolean {
  try {
    return macIsGood(RECORD, record, key, mac);
  } catch (error) {
    // Text that is not well-formed has no canonical form: nobody sealed it.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function parse(text: string): Stored | null {
  try {
    return Stored.safeParse(JSON.parse(text)).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
