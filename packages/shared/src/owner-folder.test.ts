/** The folder of one owner on disk. */
import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { killWriters } from '../test/killed-writers.ts';
import { useFolder } from '../test/preference-stores.ts';
import { anOwner } from '../test/samples.ts';
import { ownerFolder } from './owner-folder.ts';

const dir = useFolder();

describe('a writer that is killed', () => {
  // owner-folder.slow.test.ts does it 500 times.
  it('20 times leaves the old or the new file each time, and no lock', async () => {
    await killWriters(dir(), 20);
  });
});

describe('what its owner saved by hand while a change was being made', () => {
  const ours = Buffer.from('{"approval":"never"}');
  const theirs = Buffer.from('{"approval":"always"}');
  const more = Buffer.from('{}');

  it('is not replaced by what was made of what stood there before', async () => {
    const folder = ownerFolder(dir(), anOwner());
    const absent = folder.read();
    expect(await folder.exclusively(() => folder.replace(absent, ours))).toBe(true);
    const found = folder.read();
    await writeFile(folder.file, theirs);
    expect(await folder.exclusively(() => folder.replace(found, more))).toBe(false);
    expect(await folder.exclusively(() => folder.replace(absent, more))).toBe(false);
    expect(folder.read()).toEqual({ kind: 'text', bytes: theirs });
    expect(folder.readLastGood()).toEqual({ kind: 'text', bytes: ours });
    // Nor does what was taken away come back by itself.
    await rm(folder.file);
    expect(await folder.exclusively(() => folder.replace(found, more))).toBe(false);
    expect(folder.read()).toEqual({ kind: 'absent' });
  });
});
