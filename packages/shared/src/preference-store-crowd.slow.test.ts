/** The long proof of preference-store-crowd.test.ts. */
import { describe, it } from 'vitest';
import { crowdOf } from '../test/crowd.ts';
import { KINDS, useFolder } from '../test/preference-stores.ts';
import { useRedis } from '../test/world.ts';

const MINUTE_MS = 60_000;

const { server, redis } = useRedis();
const dir = useFolder();

describe.each(KINDS)('200 updates at once of 4 processes, on %s', (kind) => {
  it('are all made, and nobody undoes what another did', { timeout: 10 * MINUTE_MS }, async () => {
    await crowdOf(kind, 50, { dir: dir(), url: server().url, redis: redis() });
  });
});
