/** `GET /proposals?space_id=`: which proposals a run would decide by now, in which order, and why not the others. No model is asked. */
import { QuorumError } from '@quorum/shared/errors';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { askRedis } from '../ask-redis.ts';
import type { Queues } from '../queues.ts';
import { readParameter } from '../read-body.ts';

/** Hub, key and cache are the fetcher's: it is waited for this long. */
const WITHIN_MS = 20_000;

export type ProposalsDeps = {
  readonly access: Access;
  readonly queues: Queues;
  readonly limitMs: () => number;
};

export function proposalsRoutes({ access, queues, limitMs }: ProposalsDeps): Router {
  const router = Router();
  router.get('/proposals', async (request, response) => {
    const space = readParameter('space_id', SpaceId, request.query['space_id']);
    const { owner } = await askRedis(limitMs(), () => access.callerOf(request, 'viewer'));
    const answer = await queues.rank(owner, space(), WITHIN_MS);
    if (answer.kind === 'failed') {
      const { category, message, retry_after_s: retryAfterS } = answer;
      throw new QuorumError(category, message, retryAfterS === null ? {} : { retryAfterS });
    }
    response.json(answer.ranking);
  });
  return router;
}
