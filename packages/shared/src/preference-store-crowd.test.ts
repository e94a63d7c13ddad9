/** Four processes change the preferences of one owner at the same time; preference-store-crowd.slow.test.ts does it longer. */
import { describe, it } from 'vitest';
import { crowdOf } from '../test/crowd.ts';
import { KINDS, useFolder } from '../test/preference-stores.ts';
import { useRedis } from '../test/world.ts';

const { server, redis } = useRedis();
const dir = useFolder();

describe.each(KINDS)('40 updates at once of 4 processes, on %s', (kind) => {
  it('are all made, and nobody undoes what another did', async () => {
    await crowdOf(kind, 10, { dir: dir(), url: server().url, redis: redis() });
  });
});
