import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { keys } from '@quorum/shared/redis-keys';
import { AgentRunResponse } from '@quorum/shared/run';
import { Address } from '@quorum/snapshot/proposal';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { startTestRedis } from '../test/redis.ts';
import { freePort } from './ports.ts';
import { isAlive } from './process.ts';
import { SECRETS } from './secrets.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** A start with all its processes, on a machine that is busy with other tests. */
const PATIENCE_MS = 60_000;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), 'quorum-start-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

interface Start {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly code: Promise<number | null>;
}

/** `npm start`, as the bootstrap calls it, with a data folder of its own and no `.env`. */
function start(...args: string[]): Start {
  return startWith({}, ...args);
}

function startWith(settings: NodeJS.ProcessEnv, ...args: string[]): Start {
  const env = {
    ...settings,
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    QUORUM_DATA_DIR: dataDir,
    QUORUM_ENV_FILE: '',
  };
  const coverage = { NODE_V8_COVERAGE: process.env['NODE_V8_COVERAGE'] };
  const child = spawn(process.execPath, [path.join(ROOT, 'scripts/start.ts'), ...args], {
    cwd: ROOT,
    env: { ...env, ...coverage },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => (out += String(chunk)));
  child.stderr.on('data', (chunk) => (err += String(chunk)));
  const code = once(child, 'close').then(([exit]) => z.number().nullable().parse(exit));
  return { child, out: () => out, err: () => err, code };
}

/** The process ids that a start wrote down: services and sandbox, and Redis. */
async function processes(): Promise<number[]> {
  const files = (await readdir(path.join(dataDir, 'run')))
    .filter((file) => file.endsWith('.json'))
    .map((file) => path.join(dataDir, 'run', file));
  const all = [...files, path.join(dataDir, 'sandbox/redis-data/redis.pid.json')];
  const texts = await Promise.all(all.map((file) => readFile(file, 'utf8').catch(() => '')));
  const pids = texts.filter(Boolean).map((text) => z.object({ pid: z.number() }).parse(JSON.parse(text)).pid);
  return [...new Set(pids)]; // Redis is in two files
}

test(
  '--once --json: casts votes on the sandbox, prints the result last, leaves no process',
  { timeout: PATIENCE_MS },
  async () => {
    const { code, out, err } = start('--once', '--json');
    expect(await code, err()).toBe(0);
    const result = AgentRunResponse.parse(JSON.parse(out().trimEnd().split('\n').at(-1) ?? ''));
    expect(result.status).toBe('completed');
    expect(result.votes_cast.length).toBeGreaterThan(0);
    for (const { outcome, receipt } of result.votes_cast) {
      expect(outcome).toEqual({ kind: 'cast' });
      expect(receipt?.id).toMatch(/^0x[0-9a-f]{64}$/);
    }
    expect(`${out()}${err()}`).not.toContain('\u001b');
    expect(await processes()).toEqual([]);
  },
);

test(
  'a second start leaves the first alone; what a killed one left is ended',
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const first = start();
    await vi.waitFor(() => expect(first.err()).toContain('Ctrl-C ends everything'), PATIENCE_MS);
    const running = await processes();
    expect(running.filter(isAlive)).toHaveLength(7); // itself, Redis, the sandbox, four services

    const second = start('--once');
    expect(await second.code).toBe(1);
    expect(second.err()).toContain(`running already (process ${first.child.pid})`);
    expect(running.filter(isAlive)).toHaveLength(7);

    first.child.kill('SIGKILL');
    await first.code;
    // Also by a start that has no private Redis, and so does not look into the other's folder.
    const foreign = await startTestRedis();
    try {
      const third = startWith({ REDIS_URL: foreign.url });
      await vi.waitFor(() => expect(third.err()).toContain('Ctrl-C ends everything'), PATIENCE_MS);
      expect(third.err()).toContain('ended a redis that an earlier start left');
      expect(running.filter(isAlive)).toEqual([]);

      const own = await processes();
      third.child.kill('SIGTERM');
      expect(await third.code).toBe(0);
      expect(own.filter(isAlive)).toEqual([]);
    } finally {
      await foreign.stop();
    }
  },
);

test('asked to stop while it starts, it stops and leaves no process', { timeout: PATIENCE_MS }, async () => {
  const { child, err, code } = start('--once');
  await vi.waitFor(() => expect(err()).toContain('✓ redis'), PATIENCE_MS);
  const begun = await processes();
  child.kill('SIGINT');
  expect(await code).toBe(130);
  expect(begun.filter(isAlive)).toEqual([]);
  expect(await processes()).toEqual([]);
});

test('a wrong setting is told with what to do, and nothing is started', { timeout: PATIENCE_MS }, async () => {
  const { code, err, out } = start('--twice');
  expect(await code).toBe(1);
  expect(err()).toMatch(/--twice.*\n.*--once/s);
  expect(out()).toBe('');
});

test('a Redis of REDIS_URL that is not there is told, without its password', { timeout: PATIENCE_MS }, async () => {
  const { code, err } = startWith({ REDIS_URL: 'redis://:open-sesame@127.0.0.1:1' }, '--once');
  expect(await code).toBe(1);
  expect(err()).toMatch(/REDIS_URL at 127\.0\.0\.1:1 .*ECONNREFUSED.*\n→ /);
  expect(err()).not.toContain('open-sesame');
  expect(await processes()).toEqual([]);
});

test('a Redis of REDIS_URL is asked with the password of REDIS_PASSWORD_FILE', { timeout: PATIENCE_MS }, async () => {
  const redis = await startTestRedis({ appendonly: true, password: 'p@ss/w%rd' });
  const REDIS_PASSWORD_FILE = path.join(dataDir, 'redis-password');
  await writeFile(REDIS_PASSWORD_FILE, 'p@ss/w%rd\n', { mode: 0o600 });
  try {
    const REDIS_URL = `redis://${new URL(redis.url).host}`;
    const { code, err } = startWith({ REDIS_URL, REDIS_PASSWORD_FILE }, '--once');
    expect(await code, err()).toBe(0);
    expect(err()).toContain('the one of REDIS_URL');
  } finally {
    await redis.stop();
  }
});

const LIVE_MODEL = {
  OPENAI_BASE_URL: 'https://model.example.invalid/v1',
  OPENAI_API_KEY: 'none',
  DECIDER_MODELS: 'some-model',
};
const LIVE = {
  ...LIVE_MODEL,
  SNAPSHOT_HUB_URL: 'https://hub.example.invalid/graphql',
  SNAPSHOT_SEQUENCER_URL: 'https://seq.example.invalid/',
};
const gatewayUrl = (): Promise<string> => readFile(path.join(dataDir, 'run/gateway.url'), 'utf8');

test('with a live hub the services start, and no run is sent', { timeout: PATIENCE_MS }, async () => {
  const port = await freePort();
  const { child, err, out, code } = startWith({ ...LIVE, PORT: String(port) });
  await vi.waitFor(() => expect(err()).toContain('Ctrl-C ends everything'), PATIENCE_MS);
  expect(`${out()}${err()}`).toContain('A live hub is configured, so no run is sent.');
  const gateway = z.string().parse(/API: +(\S+)/.exec(out())?.[1]);
  expect(gateway).toBe(`http://127.0.0.1:${port}`);
  expect(new URL(await gatewayUrl()).origin).toBe(gateway);
  const answer = await fetch(`${gateway}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ space_id: 'ens.eth' }),
  });
  expect(answer.status).toBe(401);
  child.kill('SIGTERM');
  expect(await code).toBe(0);
  expect(await processes()).toEqual([]);
  await expect(gatewayUrl()).rejects.toThrow('ENOENT');
});

test.each([
  ['hub', LIVE],
  ['model', LIVE_MODEL],
])(
  'with a live %s the gateway does not leave its port to who has it, as keys are sent there',
  { timeout: PATIENCE_MS },
  async (_what, settings) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = z.object({ port: z.int() }).parse(other.address());
    try {
      const { code, err } = startWith({ ...settings, PORT: String(port) });
      expect(await code).toBe(1);
      expect(err()).toMatch(new RegExp(`PORT=${port}, is taken.*\\n→ .*set PORT`));
      expect(await processes()).toEqual([]);
    } finally {
      other.close();
    }
  },
);

test('a lost key of the voter service is not replaced without a word', { timeout: 2 * PATIENCE_MS }, async () => {
  const redis = await startTestRedis();
  const client = new Redis(redis.url);
  const settings = { REDIS_URL: redis.url };
  const key = path.join(dataDir, 'sandbox/secrets', SECRETS.voterMacKey);
  const voter = Address.parse('0x52908400098527886E0F7030069857D2E4169EE7');
  try {
    await client.xadd(keys.auditChain(voter), '1-0', 'record', 'sealed with the lost one');
    const refused = startWith(settings, '--once');
    expect(await refused.code).toBe(1);
    expect(refused.err()).toMatch(/secrets +made in .*: redis\/password, gateway\/api\.key/);
    expect(refused.err()).toContain(`${key} is missing, and Redis has the audit chain of ${voter}`);
    expect(await processes()).toEqual([]);
    await expect(readFile(key)).rejects.toThrow('ENOENT');

    const env = { PATH: process.env['PATH'], QUORUM_DATA_DIR: dataDir, QUORUM_ENV_FILE: '' };
    const setup = spawnSync(process.execPath, [path.join(ROOT, 'scripts/setup.ts')], { env, encoding: 'utf8' });
    expect(setup.stdout).toContain(`! ${key} is new.`);
    const again = startWith(settings);
    // With a service the key was looked at.
    await vi.waitFor(() => expect(again.err()).toMatch(/✓ (fetcher|decider|voter|gateway)/), PATIENCE_MS);
    again.child.kill('SIGTERM');
    expect(await again.code).toBe(0);
    expect(again.err()).not.toContain('secrets ');
  } finally {
    client.disconnect();
    await redis.stop();
  }
});
