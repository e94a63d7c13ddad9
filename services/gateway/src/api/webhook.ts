/** The routes of webhooks. */
import { DeliveryView } from '@quorum/shared/deliveries';
import { DeliveryId } from '@quorum/shared/ids';
import { DeliveryState } from '@quorum/shared/notices';
import { z } from 'zod';
import { WebhookView } from '../webhook/webhooks.ts';
import { USUAL, type Route } from './route.ts';

const common = { ...USUAL, group: 'Webhooks' } as const;

/** What `PUT /webhook` takes. */
export const WebhookRequest = z.strictObject({
  url: z.string().describe('Where notices are sent: https, and on the public internet'),
});

/** What `PUT /webhook` answers. */
export const WebhookMade = WebhookView.extend({
  secret: z.string().describe('By which its receiver knows us; shown this once'),
});

const DeliveriesQuery = z.strictObject({
  state: DeliveryState.default('dead'),
  cursor: z
    .string()
    .regex(/^\d{1,15}~[A-Za-z0-9_-]{1,300}$/, { error: 'must be `next` of the page before' })
    .optional()
    .describe('`next` of the page before'),
  limit: z.coerce.number().int().min(1).max(100).default(50).describe('How many at most'),
});

/** A page of deliveries. */
export const DeliveriesView = z.object({
  deliveries: z.array(DeliveryView).describe('The latest first'),
  next: z.string().nullable().describe('The cursor of the next page; null: this is the last'),
});

export const READ_WEBHOOK = {
  ...common,
  id: 'readWebhook',
  method: 'get',
  path: '/webhook',
  summary: 'See where you are told',
  answers: { 200: { description: 'Your webhook.', body: WebhookView } },
  problems: ['not_found'],
} as const satisfies Route;

export const PUT_WEBHOOK = {
  ...common,
  id: 'putWebhook',
  method: 'put',
  path: '/webhook',
  summary: 'Set where you are told',
  details: 'Makes a new secret: the one before is worth nothing from then on.',
  role: 'user',
  body: WebhookRequest,
  answers: { 200: { description: 'Your webhook, and its secret.', body: WebhookMade } },
  problems: ['webhooks-not-set-up'],
} as const satisfies Route;

export const DROP_WEBHOOK = {
  ...common,
  id: 'dropWebhook',
  method: 'delete',
  path: '/webhook',
  summary: 'Be told no more',
  role: 'user',
  answers: { 204: { description: 'Nothing is sent there any more.' } },
  problems: ['not_found'],
} as const satisfies Route;

export const LIST_DELIVERIES = {
  ...common,
  id: 'listDeliveries',
  method: 'get',
  path: '/webhook/deliveries',
  summary: 'List what was to be delivered',
  query: DeliveriesQuery,
  answers: { 200: { description: 'A page of deliveries.', body: DeliveriesView } },
} as const satisfies Route;

export const RESEND_DELIVERY = {
  ...common,
  id: 'resendDelivery',
  method: 'post',
  path: '/webhook/deliveries/:id/resend',
  summary: 'Send anew what was given up',
  role: 'user',
  params: z.object({ id: DeliveryId }),
  names: 'delivery',
  answers: { 202: { description: 'It is delivered soon.', body: DeliveryView } },
  problems: ['delivery-not-dead'],
} as const satisfies Route;
