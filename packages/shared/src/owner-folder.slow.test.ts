/** The long proof of owner-folder.test.ts. */
import { describe, expect, it } from 'vitest';
import { killWriters } from '../test/killed-writers.ts';
import { useFolder } from '../test/preference-stores.ts';

const MINUTE_MS = 60_000;

const dir = useFolder();

describe('a writer that is killed', () => {
  it('500 times leaves the old or the new file each time, and no lock', { timeout: 20 * MINUTE_MS }, async () => {
    const onTheWay = await killWriters(dir(), 500);
    // Else the kills would have missed what they are for.
    expect(onTheWay).toBeGreaterThan(0);
  });
});
