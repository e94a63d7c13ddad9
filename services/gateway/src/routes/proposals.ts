/** `GET /proposals?space_id=`: which proposals a run would decide by now, in which order, and why not the others. No model is asked. */
import { QuorumError } from '@quorum/shared/errors';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { RANK_PROPOSALS } from '../api/runs.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import type { Queues } from '../queues.ts';

/** Hub, key and cache are the fetcher's: it is waited for this long. */
const WITHIN_MS = 20_000;

export type ProposalsDeps = {
  readonly access: Access;
  readonly queues: Queues;
  readonly limitMs: () => number;
};

export function proposalsRoutes({ access, queues, limitMs }: ProposalsDeps): Router {
  const router = Router();
  serveOn(router, access)(RANK_PROPOSALS, async ({ caller, query, answer }) => {
    const { owner } = await askRedis(limitMs(), caller);
    const ranked = await queues.rank(owner, query().space_id, WITHIN_MS);
    if (ranked.kind === 'failed') {
      const { category, message, retry_after_s: retryAfterS } = ranked;
      throw new QuorumError(category, message, retryAfterS === null ? {} : { retryAfterS });
    }
    answer(200, ranked.ranking);
  });
  return router;
}
