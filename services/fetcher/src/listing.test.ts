import { contentHash } from '@quorum/snapshot/content-hash';
import { createHub } from '@quorum/snapshot/hub';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { expect, it } from 'vitest';
import { aSpace } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { allActive, data } from '../../../packages/snapshot/test/hub-answers.ts';
import { playBack } from '../../../packages/snapshot/test/play-back.ts';
import { proveLargeSpace } from '../test/large-space.ts';
import { useOpening } from '../test/opening.ts';
import { inWorld } from '../test/samples.ts';
import { listed, Listing, readListing } from './listing.ts';

const stand = useOpening();
const { redis } = useRedis();

// The same with ten thousand is in listing.slow.test.ts.
it('is seen whole over two pages, and what is kept of it and shared is small', async () => {
  await proveLargeSpace(1_100, stand(), redis());
});

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
