/**
 * Bull Board, to look at and not to touch: a job that is retried or removed by hand would change what a run comes to behind the
 * back of its records.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type RequestHandler } from 'express';
import type { Access } from './access.ts';
import { askRedis } from './ask-redis.ts';
import { Refusal } from './problem.ts';
import type { Queues } from './queues.ts';

export const BOARD_PATH = '/admin/queues';

/**
 * The board with every queue, for whoever operates Quorum: it shows the jobs of all owners. Mount it at `BOARD_PATH`.
 * @param limitMs the time within which a request has its answer of Redis, in milliseconds.
 */
export function boardRoutes(queues: Queues, access: Access, limitMs: () => number): Router {
  const board = new ExpressAdapter().setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.all().map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Quorum' } },
  });
  const pages: RequestHandler = board.getRouter();

  const router = Router();
  router.use(async (request, _response, next) => {
    await askRedis(limitMs(), () => access.operatorOf(request));
    next();
  });
  // The board's own read-only mode covers the actions on a queue; this covers its whole API, whatever is added to it.
  router.use((request, _response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    throw new Refusal('method-not-allowed', 'The board is for looking only.', { headers: { allow: 'GET, HEAD' } });
  });
  // The board asks without a time limit: only while Redis answers.
  router.use('/api', async (_request, _response, next) => {
    await queues.ready();
    next();
  });
  router.use(pages);
  return router;
}
