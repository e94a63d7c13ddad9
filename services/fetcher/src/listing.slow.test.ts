/** A space with ten thousand active proposals: all of them are seen, and none of their texts is kept. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { keys } from '@quorum/shared/redis-keys';
import { createHubCache } from '@quorum/shared/hub-cache';
import { upstreamId } from '@quorum/shared/ids';
import { contentHash } from '@quorum/snapshot/content-hash';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { aSpace, quiet } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { allActive, data } from '../../../packages/snapshot/test/hub-answers.ts';
import { playBack } from '../../../packages/snapshot/test/play-back.ts';
import { useOpening } from '../test/opening.ts';
import { DAY_S, inWorld, NOW_S } from '../test/samples.ts';
import { listed, Listing, readListing } from './listing.ts';

const stand = useOpening();
const { redis } = useRedis();

const PROPOSALS = 10_000;
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

it('is seen whole, a page at a time, and what is kept of it and shared is small', async () => {
  const world = stand();
  const ids: string[] = [];
  const asker = await world.ask((space) =>
    Array.from({ length: PROPOSALS }, (_, at) => {
      // Three hundred to a second, so that pages end within one.
      const row = inWorld(space, { created: NOW_S - DAY_S - Math.floor(at / 300), body: TEXT.repeat(10) });
      ids.push(row.id);
      return row;
    }),
  );
  const { hub, most, pages } = counting(world.hub);
  const upstream = upstreamId('https://ten-thousand.example', undefined);
  const cache = createHubCache({ redis: redis(), upstream, schema: Listing, log: quiet });
  const read = (signal: AbortSignal): Promise<Listing> => readListing(hub, asker.space, signal);
  const listing = await cache.list(asker.space, read, AbortSignal.timeout(180_000));

  expect(listing.odd).toEqual([]);
  expect(listing.proposals.map(({ id }) => String(id)).toSorted()).toEqual(ids.toSorted());
  // The one that is being worked on and the one before it: never all of them.
  expect(pages()).toBeGreaterThanOrEqual(10);
  expect(most()).toBeLessThanOrEqual(2);
  const kept = JSON.stringify(listing);
  expect(kept).not.toContain(TEXT.trim());
  expect(kept.length / PROPOSALS).toBeLessThan(500);
  expect(await redis().strlen(keys.listing(upstream, asker.space))).toBeLessThan(200 * PROPOSALS);

  // What a run makes of it; the list is not read a second time.
  const shared = { ...world.freshCache(), list: async () => listing };
  const { filter_metrics: counts, selected } = await world.open(asker, { deps: { cache: shared } });
  expect(counts).toMatchObject({ fetched: PROPOSALS, selected: 3, beyond_limit: PROPOSALS - 3 });
  expect(new Set(counts.ranked.map((one) => one.proposal_id)).size).toBe(100);
  expect(selected).toHaveLength(3);
  // The sandbox takes two seconds for a page of a space of this size.
}, 180_000);

it('keeps of a proposal what filter and rank need, and the hash of its text', async () => {
  const world = stand();
  const { space } = await world.ask((own) => [inWorld(own), inWorld(own, { body: 'Another text.' })]);
  const { proposals } = await allActive(world.hub, space);
  const { proposals: kept } = await readListing(world.hub, space, AbortSignal.timeout(10_000));
  expect(kept).toEqual(proposals.map(listed));
  const hashes = new Map<ProposalId, string>(kept.map(({ id, content_hash: hash }) => [id, hash]));
  for (const proposal of proposals) expect(hashes.get(proposal.id)).toBe(contentHash(proposal));
  expect(Listing.parse(JSON.parse(JSON.stringify({ proposals: kept, odd: [] })))).toEqual({ proposals: kept, odd: [] });
});

it('asks for the space only where its list is empty: one without proposals is no error, one that is not there is', async () => {
  const never = AbortSignal.timeout(10_000);
  const space = aSpace('empty.eth');
  for (const exists of [true, false]) {
    await using server = await playBack(({ body }) =>
      data(body.includes('ActiveProposals') ? { proposals: [] } : { space: exists ? { id: space } : null }),
    );
    const reading = readListing(createHub({ url: server.url, timeoutMs: 5_000 }), space, never);
    if (exists) expect(await reading).toEqual({ proposals: [], odd: [] });
    else await expect(reading).rejects.toMatchObject({ category: 'validation' });
    expect(server.received).toHaveLength(2);
  }
});
