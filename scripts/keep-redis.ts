/** The private Redis of `npm start`: what an earlier start left is ended, and one that dies is started again. */
import path from 'node:path';
import { endLeftOverRedis, startRedis, type RunningRedis } from './redis-server.ts';
import type { RunFiles } from './run-files.ts';

const NAME = 'redis';
const MAX_RESTARTS = 5;
const WINDOW_MS = 60_000;

export interface KeepRedisOptions {
  readonly dir: string;
  readonly logs: string;
  readonly password: string;
  /** A start without a private Redis, or with that of the other mode, finds this one by them. */
  readonly files: RunFiles;
  readonly say: (line: string) => void;
  readonly onGivenUp: (error: Error) => void;
}

export interface KeptRedis {
  readonly name: typeof NAME;
  /** Settles with its URL, password and all. */
  readonly ready: Promise<RunningRedis>;
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

export function keepRedis({ dir, logs, password, files, say, onGivenUp }: KeepRedisOptions): KeptRedis {
  const settings = { dir, password, appendonly: true, logFile: path.join(logs, 'redis.log') };
  const deaths: number[] = [];
  let running: RunningRedis | undefined;
  let stopping = false;

  async function launch(port?: number): Promise<RunningRedis> {
    const started = await startRedis({ ...settings, ...(port === undefined ? {} : { port }) });
    running = started;
    await files.note(NAME, started.pid);
    void started.ended.then(() => afterDeath(started.port));
    return started;
  }

  async function afterDeath(port: number): Promise<void> {
    if (stopping) return;
    const now = Date.now();
    deaths.push(now);
    if (deaths.filter((at) => now - at < WINDOW_MS).length > MAX_RESTARTS) {
      onGivenUp(new Error(`Redis died ${MAX_RESTARTS + 1} times within a minute; see ${settings.logFile}`));
      return;
    }
    say('✗ redis died; starting it again with what it kept');
    try {
      // On the same port, where everybody looks for it.
      await launch(port);
      say('✓ redis is back');
    } catch (error) {
      onGivenUp(error instanceof Error ? error : new Error(String(error)));
    }
  }

  const ready = (async () => {
    if (await endLeftOverRedis({ dir, password })) say('  ended a redis that an earlier start left');
    return await launch();
  })();
  ready.catch(() => {});
  return {
    name: NAME,
    ready,
    async stop() {
      stopping = true;
      await ready.catch(() => {});
      await running?.stop();
      await files.forget(NAME);
    },
    kill() {
      stopping = true;
      running?.kill();
    },
  };
}
