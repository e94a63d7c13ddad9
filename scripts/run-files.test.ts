import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { endLeftOverRedis } from './redis-server.ts';
import { runFiles } from './run-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-run-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test.each(['', '{"pid": 12', '{"pid": 1}'])(
  'files that a crash left unwhole (%j) do not stop the next start',
  async (text) => {
    for (const name of ['supervisor', 'voter', 'redis.pid']) await writeFile(path.join(dir, `${name}.json`), text);
    const files = runFiles(dir);
    expect(await files.claim()).toBeUndefined();
    expect(await files.endLeftOvers()).toEqual([]);
    await writeFile(path.join(dir, 'redis.pid.json'), text);
    expect(await endLeftOverRedis({ dir })).toBe(false);
  },
);
