import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';

const run = promisify(execFile);
const script = new URL('redis.mjs', import.meta.url).href;
const Failed = z.object({ stderr: z.string() });

let bin: string;
beforeEach(async () => {
  bin = await mkdtemp(path.join(tmpdir(), 'quorum-bin-'));
});
afterEach(() => rm(bin, { recursive: true, force: true }));

/** What people are told on a machine that has no more programs than those of `bin`. */
async function toldByUnpacking(): Promise<string> {
  const program = `import(${JSON.stringify(script)}).then((redis) => redis.unpackRedis()).catch((e) => console.error(e.message))`;
  const result = await run(process.execPath, ['--eval', program], { env: { PATH: bin } });
  return Failed.parse(result).stderr.trimEnd();
}

describe.skipIf(process.platform !== 'linux')('where Redis cannot be had', () => {
  test('one line says why, and one what to install', async () => {
    const told = (await toldByUnpacking()).split('\n');
    expect(told).toEqual([
      'Redis is missing.',
      expect.stringMatching(/^ {2}│ .*no apt/),
      expect.stringMatching(/^→ Install the package redis-server, .* or set REDIS_URL/),
    ]);
  });

  test('the last lines of an apt that fails are shown', async () => {
    const apt = path.join(bin, 'apt-get');
    await writeFile(apt, '#!/bin/sh\necho "Err:1 mirror" >&2\necho "E: Failed to fetch it" >&2\nexit 100\n');
    await writeFile(path.join(bin, 'apt-cache'), '#!/bin/sh\necho "  Depends: libc6"\n');
    for (const name of ['apt-get', 'apt-cache']) await chmod(path.join(bin, name), 0o755);
    const told = (await toldByUnpacking()).split('\n');
    expect(told.slice(0, -1)).toEqual(['Redis is missing.', '  │ Err:1 mirror', '  │ E: Failed to fetch it']);
    expect(told.at(-1)).toMatch(/^→ Install /);
  });
});
