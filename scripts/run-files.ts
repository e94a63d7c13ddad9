/**
 * Who runs in a data folder: one file per process, with its id and its mark. They keep a second start from disturbing the
 * first, and let a start find what a killed one left. A process is ended only if its mark is the one that was written down.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { withLock } from './lock.mjs';
import { endGroup, markOf, parseJson } from './process.ts';

const RunFile = z.object({ pid: z.int().positive(), began: z.string(), commandLine: z.string() });
type RunFile = z.infer<typeof RunFile>;

const SUPERVISOR = 'supervisor';
const END_WITHIN_MS = 5000;

export interface RunFiles {
  /** Becomes the supervisor of this folder. Returns the process id of the one that already is, if there is one. */
  readonly claim: () => Promise<number | undefined>;
  /** Ends what a killed start left. Returns the names. */
  readonly endLeftOvers: () => Promise<string[]>;
  /** Writes down a process that was just started. */
  readonly note: (name: string, pid: number) => Promise<void>;
  forget(name: string): Promise<void>;
  readonly release: () => Promise<void>;
  /** The process id of the supervisor of this folder, if there is one. */
  readonly supervisor: () => Promise<number | undefined>;
}

export function runFiles(dir: string): RunFiles {
  const fileOf = (name: string): string => path.join(dir, `${name}.json`);

  async function read(name: string): Promise<RunFile | undefined> {
    const text = await readFile(fileOf(name), 'utf8').catch(() => '');
    const data = parseJson(RunFile, text); // undefined: there is none, or a start was killed while it wrote
    return data !== undefined && isSame(data) ? data : undefined;
  }

  async function note(name: string, pid: number): Promise<void> {
    const mark = markOf(pid);
    if (mark) await writeFile(fileOf(name), JSON.stringify({ pid, ...mark }), { mode: 0o600 });
  }

  const forget = (name: string): Promise<void> => rm(fileOf(name), { force: true });

  return {
    note,
    forget,
    release: () => forget(SUPERVISOR),
    supervisor: async () => (await read(SUPERVISOR))?.pid,
    async claim() {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      return await withLock(
        path.join(dir, 'claim.lock'),
        () => {},
        async () => {
          const other = await read(SUPERVISOR);
          if (other) return other.pid;
          await note(SUPERVISOR, process.pid);
          return undefined;
        },
      );
    },
    async endLeftOvers() {
      const names = (await readdir(dir))
        .filter((file) => file.endsWith('.json'))
        .map((file) => path.basename(file, '.json'));
      const ended = await Promise.all(
        names
          .filter((name) => name !== SUPERVISOR)
          .map(async (name) => {
            const left = await read(name);
            if (left) await endGroup(left.pid, END_WITHIN_MS);
            await forget(name);
            return left ? [name] : [];
          }),
      );
      return ended.flat();
    },
  };
}

function isSame(noted: RunFile): boolean {
  const now = markOf(noted.pid);
  return now !== undefined && now.began === noted.began && now.commandLine === noted.commandLine;
}
