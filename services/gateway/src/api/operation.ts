/** The routes for whoever operates Quorum, the audit chain, and what anybody may read. */
import { Health } from '@quorum/shared/health';
import { OwnerId } from '@quorum/shared/ids';
import { z } from 'zod';
import { USUAL, type Route } from './route.ts';

/** For probes, scrapers and whoever looks around: nothing of anybody's is here. */
const open = { ...USUAL, method: 'get', group: 'Operation', role: 'anybody', pays: 'nothing' } as const;

/** Of OpenAPI. */
export const VERSION = '3.1.1';

const Ok = z.object({ status: z.literal('ok').describe('It is') });

export const EXPORT_AUDIT = {
  ...USUAL,
  id: 'exportAudit',
  method: 'get',
  path: '/audit',
  group: 'Records',
  summary: 'Export your audit chain',
  details:
    'A record a line, as `npm run audit:verify` reads it. Empty where there is no signer. Where the voter votes, or voted, for several owners, it is for admins.',
  query: z.strictObject({
    after: z.coerce
      .number({ error: 'must be the number of a record' })
      .int()
      .min(0)
      .default(0)
      .describe('Leaves out the records up to this number'),
    owner: OwnerId.optional().describe('Whose chain; another than your own is for admins'),
  }),
  answers: { 200: { description: 'The chain.', text: 'application/x-ndjson' } },
  problems: ['not_found'],
} as const satisfies Route;

export const ENTRANCE = {
  ...open,
  id: 'entrance',
  path: '/',
  summary: 'See what there is',
  answers: {
    200: {
      description: 'Where to go on.',
      body: z.object({
        name: z.literal('Quorum').describe('What answers here'),
        links: z.record(z.string(), z.string()).describe('Paths by name'),
      }),
    },
  },
} as const satisfies Route;

export const LIVE = {
  ...open,
  id: 'live',
  path: '/health/live',
  summary: 'Whether the gateway runs',
  details: 'Asks nobody else, Redis neither.',
  answers: { 200: { description: 'It runs.', body: Ok } },
} as const satisfies Route;

export const READY = {
  ...open,
  id: 'ready',
  path: '/health/ready',
  summary: 'Whether the gateway can take requests',
  answers: { 200: { description: 'It can.', body: Ok } },
  problems: ['upstream_unavailable'],
} as const satisfies Route;

export const HEALTH = {
  ...open,
  id: 'health',
  path: '/health',
  summary: 'What works and what does not',
  answers: {
    200: { description: 'No part is down; some may be degraded.', body: Health },
    503: { description: 'Some part is down.', body: Health, headers: { 'Retry-After': 'Seconds' } },
  },
} as const satisfies Route;

export const METRICS = {
  ...open,
  id: 'metrics',
  path: '/metrics',
  summary: 'Metrics for Prometheus',
  answers: { 200: { description: 'The metrics of this gateway.', text: 'text/plain' } },
} as const satisfies Route;

export const API_DOCUMENT = {
  ...open,
  id: 'apiDocument',
  path: '/openapi.json',
  summary: 'This document',
  answers: {
    200: {
      description: 'An OpenAPI 3.1 document.',
      body: z.looseObject({ openapi: z.literal(VERSION).describe('The version of OpenAPI') }),
    },
  },
} as const satisfies Route;

export const API_REFERENCE = {
  ...open,
  id: 'apiReference',
  path: '/docs',
  summary: 'This document as a page',
  answers: { 200: { description: 'A page without scripts.', text: 'text/html' } },
} as const satisfies Route;

export const MAKE_BOARD_LINK = {
  ...USUAL,
  id: 'makeBoardLink',
  method: 'post',
  path: '/admin/queues/link',
  group: 'Operation',
  summary: 'Make a link to Bull Board',
  details: 'The link opens once, within a minute, and becomes a cookie for that path alone.',
  role: 'admin',
  answers: {
    201: {
      description: 'The link.',
      body: z.object({
        url: z.string().describe('To be opened in a browser'),
        expires_in: z.int().describe('For how many seconds it can be opened'),
      }),
    },
  },
} as const satisfies Route;

export const OPEN_BOARD_LINK = {
  ...open,
  id: 'openBoardLink',
  path: '/admin/queues/link',
  summary: 'Open a link to Bull Board',
  query: z.object({ token: z.string().optional().catch(undefined).describe('The token of the link') }),
  answers: { 303: { description: 'To the board.', headers: { Location: 'The board', 'Set-Cookie': 'The session' } } },
  problems: ['link-gone', 'too-many-requests', 'upstream_unavailable'],
} as const satisfies Route;
