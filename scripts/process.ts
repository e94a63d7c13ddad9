/** Small helps with processes and their logs, shared by the supervisor, the private Redis and the tests. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';

/** What tells one process from a later one with the same id, and what it runs. */
export interface ProcessMark {
  /** When it began, in the system's own terms; compared, never read. */
  readonly began: string;
  readonly commandLine: string;
}

/** The mark of a process, or undefined if it has ended. A zombie, which nobody reaped, has ended. */
export function markOf(pid: number): ProcessMark | undefined {
  try {
    if (process.platform !== 'linux') {
      const ps = (field: string): string =>
        execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' });
      return ps('stat').includes('Z') ? undefined : { began: ps('lstart').trim(), commandLine: ps('args').trim() };
    }
    // After the name, which is in brackets and may hold anything: the state, and 19 fields on the start time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { began: fields[19] ?? '', commandLine };
  } catch {
    return undefined; // no such process
  }
}

export function isAlive(pid: number): boolean {
  return markOf(pid) !== undefined;
}

/** Waits for the end of a process, at most so long. Returns whether it has ended. */
export async function waitForEnd(pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (isAlive(pid)) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

/** Signals a process and all it started (it must lead its group: `detached`). No error if they are gone. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Ends a process group: SIGTERM, and SIGKILL to what is still there after `withinMs`. */
export async function endGroup(pid: number, withinMs: number): Promise<void> {
  signalGroup(pid, 'SIGTERM');
  if (await waitForEnd(pid, withinMs)) return;
  signalGroup(pid, 'SIGKILL');
  await waitForEnd(pid, 2000);
}

/** What a small file of ours says; undefined if it is not whole, as after a crash while it was written. */
export function parseJson<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The last lines of a log file, or '' if there is no such file. */
export async function lastLines(file: string, count: number): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
