/**
 * A Redis for one test file: a process of its own on a free port, its folder a temporary one, removed at the end.
 *
 *     let redis: TestRedis;
 *     beforeAll(async () => { redis = await startTestRedis(); });
 *     afterAll(() => redis.stop());
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startRedis, type RunningRedis } from '../scripts/redis-server.ts';

export interface TestRedis {
  /** Stays the same over `kill9` and `restart`. */
  readonly url: string;
  /** Ends it and removes its folder. */
  readonly stop: () => Promise<void>;
  /** Ends it as a crash would, and waits until it is gone. */
  readonly kill9: () => Promise<void>;
  /** Starts it again on the same port, with what it kept: nothing, unless `appendonly`. Ends a running one first. */
  readonly restart: () => Promise<void>;
}

export interface TestRedisOptions {
  /** Keep the data over `kill9` and `restart`. Default: no persistence. */
  readonly appendonly?: boolean;
  readonly password?: string;
}

export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const dir = await mkdtemp(path.join(tmpdir(), 'quorum-redis-'));
  const settings = { ...options, appendonly: options.appendonly ?? false, dir, logFile: path.join(dir, 'redis.log') };
  let running: RunningRedis = await startRedis(settings);
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
