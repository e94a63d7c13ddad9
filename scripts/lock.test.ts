import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from './lock.mjs';

const run = promisify(execFile);

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-lock-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('processes that want the same lock work one after the other', async () => {
  const log = path.join(dir, 'log');
  const source = `
    import { appendFile } from 'node:fs/promises';
    import { setImmediate } from 'node:timers/promises';
    const { withLock } = await import(process.argv[1]);
    await withLock(process.argv[2], () => {}, async () => {
      await appendFile(process.argv[3], 'in ');
      for (let turn = 0; turn < 200; turn += 1) await setImmediate();
      await appendFile(process.argv[3], 'out ');
    });`;
  const lock = new URL('lock.mjs', import.meta.url).href;
  const one = (): Promise<unknown> =>
    run(process.execPath, ['--input-type=module', '-e', source, lock, path.join(dir, 'lock'), log]);
  await Promise.all([one(), one(), one(), one()]);
  expect(await readFile(log, 'utf8')).toBe('in out '.repeat(4));
});

test('the lock of a process that is gone is broken', async () => {
  const { stdout } = await run(process.execPath, ['-p', 'process.pid']);
  const file = path.join(dir, 'lock');
  await writeFile(file, stdout.trim());
  expect(
    await withLock(
      file,
      () => {},
      async () => 'done',
    ),
  ).toBe('done');
});

test('it is given back when the work fails, and the failure passes on', async () => {
  const file = path.join(dir, 'lock');
  const fail = withLock(
    file,
    () => {},
    async () => {
      throw new Error('no network');
    },
  );
  await expect(fail).rejects.toThrow('no network');
  expect(
    await withLock(
      file,
      () => {},
      async () => 'done',
    ),
  ).toBe('done');
});
