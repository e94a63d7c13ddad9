/**
 * A server as a process of its own, which says by IPC where it serves. What it writes goes straight into a file: lines that had to be
 * read here would cost the client that measures it.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { z } from 'zod';

export type ServerProcess = {
  readonly pid: number;
  readonly url: URL;
  readonly stop: () => Promise<void>;
};

const READY_WITHIN_MS = 60_000;
const Ready = z.object({ ready: z.literal(true), url: z.string() });

/** Starts it and waits until it serves. Rejects where it ends before, or is not ready within a minute; its log says why. */
export async function startServer(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  logFile: string,
): Promise<ServerProcess> {
  const output = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', output, output, 'ipc'] });
  closeSync(output);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  const late = setTimeout(() => reject(new Error(`${args[0]} was not ready in time: see ${logFile}`)), READY_WITHIN_MS);
  child.on('message', (message) => {
    const { data } = Ready.safeParse(message);
    if (data !== undefined) resolve(data.url);
  });
  void ended.then(() => reject(new Error(`${args[0]} ended before it was ready: see ${logFile}`)));
  try {
    return { url: new URL(await ready), pid: child.pid ?? 0, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    clearTimeout(late);
  }
}

/** The CPU time that the threads of a process have had, in milliseconds. NaN where the machine does not say: it is no Linux. */
export async function cpuMsOf(pid: number): Promise<number> {
  try {
    const threads = await readdir(`/proc/${pid}/task`);
    const times = await Promise.all(
      threads.map(async (thread) => {
        // Nanoseconds on a core, those that it waited for one, and turns. A thread may end while it is looked at.
        const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
        return Number(text.split(' ')[0]) / 1e6;
      }),
    );
    return times.reduce((sum, ms) => sum + ms, 0);
  } catch {
    return Number.NaN;
  }
}
