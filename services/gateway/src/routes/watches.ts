/**
 * `GET /watches`, and `GET`, `PUT` and `DELETE /watches/:space_id`: the standing orders of the owner of the request.
 *
 * The record comes first and its scheduler follows. If the second fails the answer is 503, and the same request again makes it;
 * the watchdog of the fetcher would too.
 */
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import { pageOfWatches, WATCHES_MOST, watchOf, type Watch, type Watches, type WatchView } from '@quorum/shared/watches';
import { Router } from 'express';
import type { Access } from '../access.ts';
import { serveOn } from '../api/serve.ts';
import { DROP_WATCH, LIST_WATCHES, PUT_WATCH, READ_WATCH } from '../api/watches.ts';
import { askRedis } from '../ask-redis.ts';
import type { Queues } from '../queues.ts';

export type WatchesDeps = {
  readonly access: Access;
  readonly watches: Watches;
  readonly queues: Queues;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes of watches. */
export function watchesRoutes({ access, watches, queues, limitMs }: WatchesDeps): Router {
  const router = Router();
  const serve = serveOn(router, access);

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

  serve(LIST_WATCHES, async ({ caller, query, answer }) => {
    const view = await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const { page, next } = pageOfWatches(await watches.of(owner), query());
      return { watches: await Promise.all(page.map(viewOf)), next };
    });
    answer(200, view);
  });

  serve(READ_WATCH, async ({ caller, params, answer }) => {
    const view = await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const watch = await watches.get(owner, params().space_id);
      if (watch === null) throw new NotFoundError('watch');
      return await viewOf(watch);
    });
    answer(200, view);
  });

  serve(PUT_WATCH, async ({ caller, params, body, answer }) => {
    const { view, isNew } = await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const watch = watchOf(owner, params().space_id, body());
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
    answer(isNew ? 201 : 200, view);
  });

  serve(DROP_WATCH, async ({ caller, params, answer }) => {
    await askRedis(limitMs(), async () => {
      const { owner } = await caller();
      const { space_id: space } = params();
      const wasThere = await watches.remove(owner, space);
      // Also where there was no record: an earlier request may have got only so far.
      await queues.dropWatch(owner, space);
      if (!wasThere) throw new NotFoundError('watch');
    });
    answer(204);
  });

  return router;
}
