/** Ten thousand active proposals in one space. */
import { it } from 'vitest';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { proveLargeSpace } from '../test/large-space.ts';
import { useOpening } from '../test/opening.ts';

const stand = useOpening();
const { redis } = useRedis();

// The sandbox takes two seconds for a page of a space of this size.
it('is seen whole, a page at a time, and what is kept of it and shared is small', async () => {
  await proveLargeSpace(10_000, stand(), redis());
}, 180_000);
