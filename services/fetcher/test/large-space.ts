/** The proof that a large space is seen whole, with memory bounded by a page; as large as wanted. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createHubCache } from '@quorum/shared/hub-cache';
import { upstreamId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import type { Hub } from '@quorum/snapshot/hub';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { z } from 'zod';
import { quiet } from '../../../packages/shared/test/samples.ts';
import { Listing, readListing } from '../src/listing.ts';
import type { OpeningStand } from './opening.ts';
import { DAY_S, inWorld, NOW_S } from './samples.ts';

const PAGE = 1_000;
const TEXT = 'The northern breakwater has settled by a metre. ';

setFlagsFromString('--expose-gc');
const gc = z.function({ input: [], output: z.unknown() }).parse(runInNewContext('gc'));

/** The same hub, and how many of its pages were in memory, at most, at one time. */
function counting(hub: Hub): { hub: Hub; most: () => number; pages: () => number } {
  const pages: WeakRef<object>[] = [];
  let most = 0;
  return {
    most: () => most,
    pages: () => pages.length,
    hub: {
      ...hub,
      async *activeProposals(space, signal) {
        for await (const page of hub.activeProposals(space, signal)) {
          const [first] = page.proposals;
          if (first !== undefined) pages.push(new WeakRef(first));
          // A WeakRef lets go at the end of a turn of the event loop only.
          await new Promise((resolve) => setImmediate(resolve));
          gc();
          most = Math.max(most, pages.filter((ref) => ref.deref() !== undefined).length);
          yield page;
        }
      },
    },
  };
}

/** A space with so many proposals: all are seen, a page at a time, and what is kept of them and shared is small. */
export async function proveLargeSpace(count: number, world: OpeningStand, redis: Redis): Promise<void> {
  const ids: string[] = [];
  const asker = await world.ask((space) =>
    Array.from({ length: count }, (_, at) => {
      // Three hundred to a second, so that pages end within one.
      const row = inWorld(space, { created: NOW_S - DAY_S - Math.floor(at / 300), body: TEXT.repeat(10) });
      ids.push(row.id);
      return row;
    }),
  );
  const { hub, most, pages } = counting(world.hub);
  const upstream = upstreamId('https://ten-thousand.example', undefined);
  const cache = createHubCache({ redis: redis, upstream, schema: Listing, log: quiet });
  const read = (signal: AbortSignal): Promise<Listing> => readListing(hub, asker.space, signal);
  const listing = await cache.list(asker.space, read, AbortSignal.timeout(180_000));

  expect(listing.odd).toEqual([]);
  expect(listing.proposals.map(({ id }) => String(id)).toSorted()).toEqual(ids.toSorted());
  // The one that is being worked on and the one before it: never all of them.
  expect(pages()).toBeGreaterThanOrEqual(count / PAGE);
  expect(most()).toBeLessThanOrEqual(2);
  const kept = JSON.stringify(listing);
  expect(kept).not.toContain(TEXT.trim());
  expect(kept.length / count).toBeLessThan(500);
  expect(await redis.strlen(keys.listing(upstream, asker.space))).toBeLessThan(200 * count);

  // What a run makes of it; the list is not read a second time.
  const shared = { ...world.freshCache(), list: async () => listing };
  const { filter_metrics: counts, selected } = await world.open(asker, { deps: { cache: shared } });
  expect(counts).toMatchObject({ fetched: count, selected: 3, beyond_limit: count - 3 });
  expect(new Set(counts.ranked.map((one) => one.proposal_id)).size).toBe(100);
  expect(selected).toHaveLength(3);
}
