/**
 * `GET`, `PUT` and `DELETE /webhook`: where the owner of the request is told; `GET /webhook/deliveries` and
 * `POST /webhook/deliveries/:id/resend`: what became of the notices, and sending anew what was given up.
 *
 * Each their own, admins too: a notice says what an owner holds and votes, and a URL may be worth guarding.
 */
import { deliveryView, type Deliveries, type DeliveryView } from '@quorum/shared/deliveries';
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { serveOn } from '../api/serve.ts';
import { DROP_WEBHOOK, LIST_DELIVERIES, PUT_WEBHOOK, READ_WEBHOOK, RESEND_DELIVERY } from '../api/webhook.ts';
import { askRedis } from '../ask-redis.ts';
import { Refusal } from '../problem.ts';
import type { Queues } from '../queues.ts';
import { urlFault } from '../webhook/address.ts';
import type { Webhooks } from '../webhook/webhooks.ts';

export type WebhookDeps = {
  readonly access: Access;
  readonly webhooks: Webhooks;
  readonly deliveries: Deliveries;
  readonly queues: Queues;
  readonly allowPrivateWebhooks: boolean;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes of webhooks. */
export function webhookRoutes(deps: WebhookDeps): Router {
  const { access, webhooks, deliveries, queues, limitMs } = deps;
  const router = Router();
  const serve = serveOn(router, access);

  serve(READ_WEBHOOK, async ({ caller, answer }) => {
    const webhook = await askRedis(limitMs(), async () => webhooks.of((await caller()).owner));
    if (webhook === null) throw new NotFoundError('webhook');
    answer(200, webhook.view);
  });

  serve(PUT_WEBHOOK, async ({ caller, body, answer }) => {
    const { view, secret } = await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const { url } = body();
      const message = urlFault(url, deps.allowPrivateWebhooks);
      if (message !== null) throw new ValidationError('The body does not fit; see errors.', [{ path: 'url', message }]);
      if (!webhooks.canBeSet) {
        throw new Refusal('webhooks-not-set-up', 'Give the gateway a GATEWAY_MAC_KEY_FILE, or set WEBHOOK_URL.');
      }
      return await webhooks.put(owner, url, Date.now());
    });
    // This once.
    answer(200, { ...view, secret });
  });

  serve(DROP_WEBHOOK, async ({ caller, answer }) => {
    await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      if (!(await webhooks.remove(owner))) throw new NotFoundError('webhook');
    });
    answer(204);
  });

  serve(LIST_DELIVERIES, async ({ caller, query, answer }) => {
    const page = await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const { state, cursor = null, limit } = query();
      return await deliveries.list(owner, state, { cursor, limit });
    });
    answer(200, { deliveries: page.deliveries.map(deliveryView), next: page.next });
  });

  serve(RESEND_DELIVERY, async ({ caller, params, answer }) => {
    const view = await askRedis(limitMs(), async (): Promise<DeliveryView> => {
      const { owner } = await caller();
      const { id } = params();
      const was = await deliveries.resend(owner, id, Date.now());
      const found = was === 'missing' ? null : await deliveries.read(id);
      if (found === null) throw new NotFoundError('delivery');
      if (was !== 'dead' && was !== 'pending') throw new Refusal('delivery-not-dead', `It is ${was}.`);
      // Also where it is pending: an earlier request may have got only so far.
      await queues.addNotice(found.notice);
      return deliveryView(found);
    });
    answer(202, view);
  });

  return router;
}
