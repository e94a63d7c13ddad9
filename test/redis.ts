/**
 * A Redis for one test file, on a free port of loopback, gone at the end with all that it kept. This is the one place that decides what
 * it is: with TEST_REDIS=container, which `scripts/test.ts` sets where a container engine is reachable, the image that compose runs;
 * else a process of its own, in a temporary folder.
 *
 *     let redis: TestRedis;
 *     beforeAll(async () => { redis = await startTestRedis(); });
 *     afterAll(() => redis.stop());
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RedisStartError, startRedis, type RedisOptions, type RunningRedis } from '../scripts/redis-server.ts';
import type { TestRedis, TestRedisOptions } from './redis-contract.ts';
import { lastingPort } from './redis-port.ts';

export type { TestRedis, TestRedisOptions } from './redis-contract.ts';

const TRIES = 5;

export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  if (process.env['TEST_REDIS'] !== 'container') return await startRedisProcess(options);
  // Loaded here alone: elsewhere nobody has to wait for it.
  const { startRedisContainer } = await import('./redis-container.ts');
  return await startRedisContainer(options);
}

async function startRedisProcess(options: TestRedisOptions): Promise<TestRedis> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-redis-'));
  const settings = { ...options, appendonly: options.appendonly ?? false, dir, logFile: path.join(dir, 'redis.log') };
  let running: RunningRedis = await startOnLastingPort(settings);
  const { url, port } = running;
  // A test run that is ended early must not leave a server behind.
  const killAtExit = (): void => running.kill();
  process.once('exit', killAtExit);

  const kill9 = async (): Promise<void> => {
    running.kill();
    await running.ended;
  };
  return {
    url,
    kill9,
    async restart() {
      await kill9();
      running = await startRedis({ ...settings, port });
    },
    async stop() {
      process.off('exit', killAtExit);
      await running.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function startOnLastingPort(settings: RedisOptions): Promise<RunningRedis> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startRedis({ ...settings, port: await lastingPort() });
    } catch (error) {
      if (attempt === TRIES || !(error instanceof RedisStartError && error.portTaken)) throw error;
    }
  }
}
