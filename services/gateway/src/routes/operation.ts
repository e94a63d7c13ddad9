/** What anybody may ask: the entrance, health, metrics, and the document of the API, as JSON and as a page. */
import type { Health } from '@quorum/shared/health';
import type { Metrics } from '@quorum/shared/metrics';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { openApiDocument } from '../api/document.ts';
import { API_DOCUMENT, API_REFERENCE, ENTRANCE, HEALTH, LIVE, METRICS, READY } from '../api/operation.ts';
import { apiPage, PAGE_POLICY } from '../api/page.ts';
import { serveOn } from '../api/serve.ts';
import { BOARD_PATH } from '../board.ts';
import type { Queues } from '../queues.ts';
import { joinUnderWay } from '../under-way.ts';

const LINKS = {
  agent_run: '/agent-run',
  decisions: '/decisions',
  proposals: '/proposals',
  holds: '/holds',
  voting: '/voting',
  watches: '/watches',
  webhook_deliveries: '/webhook/deliveries',
  audit: '/audit',
  user_preferences: '/user-preferences',
  health: '/health',
  live: '/health/live',
  ready: '/health/ready',
  metrics: '/metrics',
  queues: BOARD_PATH,
  docs: '/docs',
  openapi: '/openapi.json',
} as const;

export type OperationDeps = {
  readonly access: Access;
  readonly queues: Queues;
  readonly metrics: Metrics;
  readonly health: () => Promise<Health>;
};

/** Things may be better after the next signs of life. */
const HEALTH_RETRY_S = '5';

export function operationRoutes({ access, queues, metrics, health }: OperationDeps): Router {
  const router = Router();
  const serve = serveOn(router, access);
  // No limit holds whoever asks for these, and a few hundred looks at a time kept everybody else waiting for a second.
  const readHealth = joinUnderWay(health);
  const readMetrics = joinUnderWay(() => metrics.registry.metrics());
  const reference = referenceOnce();

  serve(ENTRANCE, async ({ answer }) => answer(200, { name: 'Quorum', links: LINKS }));

  serve(LIVE, async ({ answer }) => answer(200, { status: 'ok' }));

  serve(READY, async ({ answer }) => {
    await queues.ready();
    answer(200, { status: 'ok' });
  });

  serve(HEALTH, async ({ response, answer }) => {
    const found = await readHealth();
    if (found.status !== 'down') return answer(200, found);
    response.set('retry-after', HEALTH_RETRY_S);
    return answer(503, found);
  });

  serve(METRICS, async ({ response }) => {
    response.type(metrics.registry.contentType).send(await readMetrics());
  });

  serve(API_DOCUMENT, async ({ answer }) => answer(200, reference().document));

  serve(API_REFERENCE, async ({ response }) => {
    response.set('content-security-policy', PAGE_POLICY).type('text/html').send(reference().page);
  });

  return router;
}

type Reference = { readonly document: ReturnType<typeof openApiDocument>; readonly page: string };

/** What the API is, made when it is first asked for: most gateways are asked by programs that know it. */
function referenceOnce(): () => Reference {
  let made: Reference | undefined;
  return () => {
    if (made !== undefined) return made;
    const document = openApiDocument();
    made = { document, page: apiPage(document) };
    return made;
  };
}
