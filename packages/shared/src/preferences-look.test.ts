/** Whether preferences can be read and written, on a real disk. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lookAtPreferences } from './preferences-look.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-look-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const look = (folder: string) => lookAtPreferences({ PREFERENCES_STORE: 'file', PREFERENCES_DIR: folder });
const LOST = { status: 'down', detail: expect.stringMatching(/^their folder cannot be read and written \(E[A-Z]+\)/) };

describe('the folder of the preferences', () => {
  it('is well where it is there, and where it is still to be made', async () => {
    const folder = path.join(dir, 'owners');
    expect(await look(path.join(folder, 'deep'))).toEqual({ status: 'ok', detail: null });
    await mkdir(folder);
    expect(await look(folder)).toEqual({ status: 'ok', detail: null });
    // A look leaves nothing behind.
    expect(await readdir(dir)).toEqual(['owners']);
    expect(await readdir(folder)).toEqual([]);
  });

  it('is down where a file is in its place, or above it, and its detail tells no path', async () => {
    const file = path.join(dir, 'a-file');
    await writeFile(file, '', { mode: 0o700 });
    for (const folder of [file, path.join(file, 'owners')]) {
      const found = await look(folder);
      expect(found).toEqual(LOST);
      expect(found.detail).not.toContain(dir);
    }
  });

  it('does not matter where they are kept in Redis', async () => {
    const config = { PREFERENCES_STORE: 'redis', PREFERENCES_DIR: path.join(dir, 'a-file') } as const;
    expect(await lookAtPreferences(config)).toEqual({ status: 'ok', detail: null });
  });
});
