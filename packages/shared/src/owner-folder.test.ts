/** The folder of one owner on disk. */
import { describe, it } from 'vitest';
import { killWriters } from '../test/killed-writers.ts';
import { useFolder } from '../test/preference-stores.ts';

const dir = useFolder();

describe('a writer that is killed', () => {
  // owner-folder.slow.test.ts does it 500 times.
  it('20 times leaves the old or the new file each time, and no lock', async () => {
    await killWriters(dir(), 20);
  });
});
