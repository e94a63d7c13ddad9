/**
 * A private Redis on loopback: for `npm start` (password, append-only file) and for tests (neither, unless asked).
 * It runs detached, so that Ctrl-C ends the services before it; the price is that it outlives a supervisor that is killed,
 * so each start first ends what an earlier one left in the same folder.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { z } from 'zod';
import { freePort } from './ports.ts';
import { isAlive, lastLines, parseJson, waitForEnd } from './process.ts';
import { findRedis } from './redis.mjs';

const READY_WITHIN_MS = 10_000;
const STOP_WITHIN_MS = 10_000;

export interface RedisOptions {
  /** Folder of its own: configuration, pid file and append-only file. */
  readonly dir: string;
  /** Default: any free one. */
  readonly port?: number;
  /** Whether it keeps its data, each write synced before it is answered. */
  readonly appendonly: boolean;
  readonly password?: string;
  /** File that gets its output. */
  readonly logFile: string;
}

export interface RunningRedis {
  /** Holds the password, if there is one. */
  readonly url: string;
  readonly pid: number;
  readonly port: number;
  /** Settles when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** SIGTERM, and SIGKILL to one that does not end within 10 s. */
  readonly stop: () => Promise<void>;
  /** SIGKILL, as a crash would. */
  readonly kill: () => void;
}

/** It did not come up; the message has the last lines of its own log. */
export class RedisStartError extends Error {
  override readonly name = 'RedisStartError';
  readonly portTaken: boolean;
  constructor(message: string, log: string, dir: string) {
    const lines = log && `\n${log.replaceAll(/^/gm, '  │ ')}`;
    super(`${message}${lines}\n→ What it keeps is in ${dir}: mend what the log says, or move that folder away.`);
    this.portTaken = log.includes('Address already in use');
  }
}

/** Starts a Redis and waits until it answers. A port that somebody takes in between is replaced by another. */
export async function startRedis(options: RedisOptions): Promise<RunningRedis> {
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const dir = await realpath(options.dir);
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freePort());
    try {
      return await startOn(port, { ...options, dir });
    } catch (error) {
      const another = options.port === undefined && attempt < 5;
      if (!(another && error instanceof RedisStartError && error.portTaken)) throw error;
    }
  }
}

async function startOn(port: number, options: RedisOptions): Promise<RunningRedis> {
  const { dir, password, logFile } = options;
  const binary = findRedis();
  const conf = path.join(dir, 'redis.conf');
  await rm(conf, { force: true });
  await writeFile(conf, configuration(port, options), { mode: 0o600 });
  await rm(logFile, { force: true });
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(binary.command, [conf], {
    detached: true,
    env: { ...process.env, ...binary.env },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  if (child.pid === undefined) {
    const [error] = await once(child, 'error');
    throw new RedisStartError(`${binary.command} does not start: ${String(error)}`, '', dir);
  }
  child.unref();
  const pid = child.pid;
  await writeFile(pidFile(dir), JSON.stringify({ pid, port }));

  const stop = async (): Promise<void> => {
    child.ref(); // it is waited for now
    child.kill('SIGTERM');
    if (!(await waitForEnd(pid, STOP_WITHIN_MS))) child.kill('SIGKILL');
    await ended;
    await rm(pidFile(dir), { force: true });
  };
  const kill = (): void => {
    child.ref();
    child.kill('SIGKILL');
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  while ((await folderOf(port, password)) !== dir) {
    const gone = child.exitCode !== null || child.signalCode !== null;
    if (gone || Date.now() > deadline) {
      if (!gone) await stop();
      throw new RedisStartError('Redis does not come up:', await lastLines(logFile, 8), dir);
    }
    await sleep(15);
  }
  return { url: urlOf(port, password), pid, port, ended, stop, kill };
}

/** The password goes in by this file (mode 0600) and not by the command line, which everybody on the machine can read. */
function configuration(port: number, { dir, appendonly, password }: RedisOptions): string {
  return [
    'bind 127.0.0.1',
    `port ${port}`,
    `dir ${JSON.stringify(dir)}`,
    // No snapshots: with them on, and the folder gone, it answers MISCONF to every write and refuses SIGTERM.
    'save ""',
    `appendonly ${appendonly ? 'yes' : 'no'}`,
    'appendfsync always',
    'maxmemory-policy noeviction',
    // The first page of a stream is set aside whole, and every run has a stream, of some 2 KB at its end.
    'stream-node-max-bytes 1024',
    ...(password === undefined ? [] : [`requirepass ${JSON.stringify(password)}`]),
    '',
  ].join('\n');
}

const PidFile = z.object({ pid: z.int().positive(), port: z.int().positive() });
const pidFile = (dir: string): string => path.join(dir, 'redis.pid.json');

/**
 * The Redis that runs on this folder, or undefined if none does. It is known by its pid file and by what it answers to
 * `CONFIG GET dir`, so a stranger that now has the pid or the port is left alone.
 */
export async function findRunningRedis({
  dir,
  password,
}: {
  dir: string;
  password?: string;
}): Promise<{ pid: number; port: number; url: string } | undefined> {
  const text = await readFile(pidFile(dir), 'utf8').catch(() => '');
  const data = text === '' ? undefined : parseJson(PidFile, text);
  const found =
    data !== undefined && isAlive(data.pid) && (await folderOf(data.port, password)) === (await realpath(dir));
  return found ? { ...data, url: urlOf(data.port, password) } : undefined;
}

/** Ends a Redis that an earlier start left in this folder. Returns whether there was one. */
export async function endLeftOverRedis(left: { dir: string; password?: string }): Promise<boolean> {
  const found = await findRunningRedis(left);
  if (found) {
    process.kill(found.pid, 'SIGTERM');
    if (!(await waitForEnd(found.pid, STOP_WITHIN_MS))) process.kill(found.pid, 'SIGKILL');
  }
  await rm(pidFile(left.dir), { force: true });
  return found !== undefined;
}

function urlOf(port: number, password: string | undefined): string {
  const login = password === undefined ? '' : `:${encodeURIComponent(password)}@`;
  return `redis://${login}127.0.0.1:${port}`;
}

/** The folder of the Redis on that port, or undefined if none answers there, or not to this password. */
async function folderOf(port: number, password: string | undefined): Promise<string | undefined> {
  const redis = new Redis({
    host: '127.0.0.1',
    port,
    ...(password === undefined ? {} : { password }),
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1000,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => {}); // the answer below says it
  try {
    await redis.connect();
    const answer = z.array(z.string()).parse(await redis.config('GET', 'dir'));
    return answer[1];
  } catch {
    return undefined; // not (yet) there, or not ours
  } finally {
    redis.disconnect();
  }
}
