/**
 * `GET /watches`, and `GET`, `PUT` and `DELETE /watches/:space_id`: the standing orders of the owner of the request.
 *
 * The record comes first and its scheduler follows. If the second fails the answer is 503, and the same request again makes it;
 * the watchdog of the fetcher would too.
 */
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import { WatchRequest, WATCHES_MOST, watchOf, type Watch, type Watches, type WatchView } from '@quorum/shared/watches';
import { SpaceId } from '@quorum/snapshot/proposal';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { askRedis } from '../ask-redis.ts';
import type { Queues } from '../queues.ts';
import { readBody, readParameter } from '../read-body.ts';

export type WatchesDeps = {
  readonly access: Access;
  readonly watches: Watches;
  readonly queues: Queues;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes, each with its full path: metrics name a request by it. */
export function watchesRoutes({ access, watches, queues, limitMs }: WatchesDeps): Router {
  const router = Router();

  async function viewOf({ owner, space_id, schedule, dry_run }: Watch): Promise<WatchView> {
    const nextMs = await queues.nextTurn(owner, space_id);
    return {
      space_id,
      cron: schedule.kind === 'cron' ? schedule.cron : null,
      every_s: schedule.kind === 'every' ? schedule.every_s : null,
      time_zone: schedule.kind === 'cron' ? schedule.time_zone : null,
      dry_run,
      next_turn: nextMs === null ? null : new Date(nextMs).toISOString(),
    };
  }

  router.get('/watches', async (request, response) => {
    const views = await askRedis(limitMs(), async () => {
      const { owner } = await access.callerOf(request, 'viewer');
      return await Promise.all((await watches.of(owner)).map(viewOf));
    });
    response.json({ watches: views });
  });

  router.get('/watches/:space_id', async (request, response) => {
    const space = readParameter('space_id', SpaceId, request.params.space_id);
    const view = await askRedis(limitMs(), async () => {
      const { owner } = await access.callerOf(request, 'viewer');
      const watch = await watches.get(owner, space());
      if (watch === null) throw new NotFoundError('watch');
      return await viewOf(watch);
    });
    response.json(view);
  });

  router.put('/watches/:space_id', async (request, response) => {
    const space = readParameter('space_id', SpaceId, request.params.space_id);
    const wanted = readBody(WatchRequest, request.body);
    const { view, isNew } = await askRedis(limitMs(), async () => {
      const { owner } = await access.callerOf(request, 'user');
      const watch = watchOf(owner, space(), wanted());
      const own = await watches.of(owner);
      const isChange = own.some(({ space_id: known }) => known === watch.space_id);
      // Several at once may pass; it bounds a flood, and is no quota to the last.
      if (!isChange && own.length >= WATCHES_MOST) {
        throw new ValidationError(`You have ${WATCHES_MOST} watches, as many as there may be: delete one first.`);
      }
      await watches.put(watch);
      await queues.keepWatch(watch);
      return { view: await viewOf(watch), isNew: !isChange };
    });
    response.status(isNew ? 201 : 200).json(view);
  });

  router.delete('/watches/:space_id', async (request, response) => {
    const space = readParameter('space_id', SpaceId, request.params.space_id);
    await askRedis(limitMs(), async () => {
      const { owner } = await access.callerOf(request, 'user');
      const wasThere = await watches.remove(owner, space());
      // Also where there was no record: an earlier request may have got only so far.
      await queues.dropWatch(owner, space());
      if (!wasThere) throw new NotFoundError('watch');
    });
    response.status(204).end();
  });

  return router;
}
