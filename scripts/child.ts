/**
 * One process of ours: started in a group of its own (so that Ctrl-C in the terminal does not reach it and we can end all in
 * order), its output in a log file and, line by line, to whoever listens. It says by an IPC message that it is ready, and
 * ends by itself when the IPC channel closes, that is when we are gone.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { endGroup, signalGroup } from './process.ts';

const READY_WITHIN_MS = 30_000;
/** More than the 20 s that a service gives its own work to end. */
const STOP_WITHIN_MS = 25_000;

/** What a service sends when it serves. */
const Ready = z.object({ ready: z.literal(true), url: z.string() });

export interface ChildSpec {
  readonly name: string;
  /** Arguments for Node: flags and the script. */
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  readonly onLine: (line: string) => void;
}

export interface Child {
  readonly pid: number;
  /** Settles with its URL; rejects with `ChildFailed` if it ends before, or takes longer than 30 s. */
  readonly ready: Promise<string>;
  /** Settles when it has ended: 'exit code 1', 'SIGKILL'. */
  readonly ended: Promise<string>;
  /** Its last lines of output. */
  readonly lastLines: () => readonly string[];
  readonly stop: () => Promise<void>;
  readonly kill: () => void;
}

/** It ended, or never became ready. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed';
  readonly child: string;
  readonly lines: readonly string[];
  constructor(child: string, how: string, lines: readonly string[]) {
    super(`${child} ${how}`);
    this.child = child;
    this.lines = lines;
  }
  /** Whether somebody took its port between our looking and its listening. */
  get portTaken(): boolean {
    return this.lines.some((line) => line.includes('EADDRINUSE'));
  }
}

export function startChild(spec: ChildSpec): Child {
  const child = spawn(process.execPath, spec.args, {
    cwd: spec.cwd,
    env: spec.env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = createWriteStream(spec.logFile, { flags: 'a', mode: 0o600 });
  const recent: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      recent.push(line);
      if (recent.length > 12) recent.shift();
      spec.onLine(line);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    // 'close' comes after the last line of output, 'exit' may come before it.
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  }).finally(() => log.end());

  const ready = new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => fail(`was not ready within ${READY_WITHIN_MS / 1000} s`), READY_WITHIN_MS);
    const fail = (how: string): void => reject(new ChildFailed(spec.name, how, [...recent]));
    child.on('message', (message) => {
      const { data } = Ready.safeParse(message);
      if (data) resolve(data.url);
    });
    void ended.then((how) => {
      clearTimeout(late);
      fail(`ended before it was ready (${how})`);
    });
    child.once('message', () => clearTimeout(late));
  });
  // Whoever stops it early does not wait for it to be ready.
  ready.catch(() => {});

  const pid = child.pid ?? 0;
  return {
    pid,
    ready,
    ended,
    lastLines: () => recent,
    async stop() {
      if (pid !== 0) await endGroup(pid, STOP_WITHIN_MS);
      await ended;
    },
    kill() {
      if (pid !== 0) signalGroup(pid, 'SIGKILL');
    },
  };
}
