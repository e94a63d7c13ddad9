import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { isAlive, markOf } from './process.ts';
import { runFiles, type RunFiles } from './run-files.ts';
import { supervise, type Supervised } from './supervise.ts';
import { PATIENT } from '../test/patience.ts';

/** Serves until it is told to end; `SERVES` in its output, then ready. */
const SERVICE = `
  process.on('SIGTERM', () => process.exit(0));
  process.on('disconnect', () => process.exit(0));
  setInterval(() => {}, 1000);
  console.log('SERVES');
  process.send({ ready: true, url: 'http://127.0.0.1:' + process.pid });
`;

let dir: string;
let files: RunFiles;
let said: string[];
let givenUp: Error[];
let running: Supervised[];

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-supervise-'));
  files = runFiles(path.join(dir, 'run'));
  await files.claim();
  [said, givenUp, running] = [[], [], []];
});
afterEach(async () => {
  for (const each of running) await each.stop();
  await rm(dir, { recursive: true, force: true });
});

async function run(source: string): Promise<Supervised> {
  const script = path.join(dir, `service-${running.length}.mjs`);
  await writeFile(script, source);
  const supervised = supervise({
    name: 'service',
    files,
    spec: async () => ({
      name: 'service',
      args: [script],
      cwd: dir,
      env: process.env,
      logFile: path.join(dir, 'service.log'),
      onLine: () => {},
    }),
    say: (line) => said.push(line),
    onGivenUp: (error) => givenUp.push(error),
  });
  running.push(supervised);
  return supervised;
}

/** The service gives its process id where a port would be. */
const pidIn = (text: string): number => Number(/:(\d+)$/.exec(text)?.[1]);

test('the sandbox takes another port where somebody took its own between looking and listening', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = z.object({ port: z.number() }).parse(holder.address());
  const ports = [address.port, 0];
  const sandbox = supervise({
    name: 'sandbox',
    files,
    spec: async () => ({
      name: 'sandbox',
      args: [path.join(import.meta.dirname, '../packages/sandbox/src/main.ts')],
      cwd: dir,
      env: { ...process.env, SANDBOX_PORT: String(ports.shift()) },
      logFile: path.join(dir, 'sandbox.log'),
      onLine: () => {},
    }),
    say: (line) => said.push(line),
    onGivenUp: (error) => givenUp.push(error),
  });
  running.push(sandbox);
  try {
    expect(new URL(await sandbox.ready).port).not.toBe(String(address.port));
    expect(ports).toEqual([]);
  } finally {
    holder.close();
  }
});

describe('a supervised process', () => {
  test('is ready when it says so, keeps its output in a file, and is gone after a stop', async () => {
    const service = await run(SERVICE);
    const pid = pidIn(await service.ready);
    expect(isAlive(pid)).toBe(true);
    await service.stop();
    expect(isAlive(pid)).toBe(false);
    expect(await readFile(path.join(dir, 'service.log'), 'utf8')).toContain('SERVES');
    expect(said).toEqual([]);
  });

  test('is started again when it dies, which is said', async () => {
    const service = await run(SERVICE);
    const first = pidIn(await service.ready);
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(said.at(-1)).toMatch(/is back/), PATIENT);
    expect(said[0]).toMatch(/died \(SIGKILL\)/);
    expect(isAlive(pidIn(said.at(-1) ?? ''))).toBe(true);
  });

  test('that dies again and again is given up after five restarts', async () => {
    const service = await run(`${SERVICE} setTimeout(() => process.exit(7), 20);`);
    await service.ready;
    await vi.waitFor(() => expect(givenUp).toHaveLength(1), PATIENT);
    expect(givenUp[0]?.message).toMatch(/6 times within a minute.*exit code 7/);
    expect(said.filter((line) => line.includes('starting it again'))).toHaveLength(5);
  });

  test('that fails before it is ready is not tried again; its last lines are told', async () => {
    const service = await run(`console.error('PORT must be a number'); process.exit(1);`);
    await expect(service.ready).rejects.toMatchObject({
      message: expect.stringContaining('exit code 1'),
      lines: ['PORT must be a number'],
    });
    expect(said).toEqual([]);
  });

  test('stopped while it starts, it is gone as well', async () => {
    const service = await run(SERVICE.replace('process.send', '(() => {})'));
    await vi.waitFor(
      async () => expect(await readFile(path.join(dir, 'service.log'), 'utf8')).toContain('SERVES'),
      PATIENT,
    );
    await service.stop();
    await expect(service.ready).rejects.toThrow();
  });
});

describe('what a killed start left', () => {
  test('is ended by the next one', async () => {
    const service = await run(SERVICE);
    const pid = pidIn(await service.ready);
    const next = runFiles(path.join(dir, 'run'));
    expect(await next.endLeftOvers()).toEqual(['service']);
    expect(isAlive(pid)).toBe(false);
  });

  test('a stranger that has its process id now is left alone', async () => {
    const mark = markOf(process.pid);
    const note = { pid: process.pid, began: `${mark?.began}1`, commandLine: mark?.commandLine };
    await writeFile(path.join(dir, 'run/decider.json'), JSON.stringify(note));
    expect(await files.endLeftOvers()).toEqual([]);
  });

  test('a supervisor that lives is not disturbed; one that is gone makes way', async () => {
    expect(await runFiles(path.join(dir, 'run')).claim()).toBe(process.pid);
    await files.release();
    expect(await runFiles(path.join(dir, 'run')).claim()).toBeUndefined();
  });
});
