/**
 * A lock between the processes of one machine. The kernel holds it, for SQLite's connection to an empty file: it ends with its
 * holder, kill -9 included, so there is no stale lock to wait for or to break, and it means the same in every container that
 * mounts the folder. A file with a process id in it would have neither.
 */
import { chmod } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { QuorumError } from './errors.ts';

const SECOND_MS = 1_000;
/**
 * A holder writes two small files, and who is next is drawn by lot: of four that never rest, on a disk that takes half a second,
 * one waited for 10 s. Only a holder that was stopped, or a disk that hangs, keeps others for as long as this.
 */
const PATIENCE_MS = 30 * SECOND_MS;
const LONGEST_PAUSE_MS = 8;

/** SQLite's own number for "somebody else holds it". */
const SQLITE_BUSY = 5;

/** The lock could not be taken: its file cannot be used, or another process holds it too long. */
export class FileLockError extends QuorumError {
  constructor(category: 'preferences' | 'timeout', message: string, cause?: unknown) {
    super(category, message, { cause });
    this.name = 'FileLockError';
  }
}

/**
 * Does `work` while no other process does work under the lock at `path`, whose folder must exist. Within a process it is
 * exclusive too. Throws a `FileLockError` where the lock is not free within 30 s or cannot be used.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, patienceMs = PATIENCE_MS): Promise<T> {
  const database = await openLock(path);
  try {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      // Before the first try too: a process that has much to do would else take it again each time before the others look.
      await pause(Math.random() * LONGEST_PAUSE_MS);
      if (taken(database, path)) return await work();
      if (Date.now() > deadline) {
        const held = `The lock ${path} was held by another process for ${patienceMs / SECOND_MS} s.`;
        throw new FileLockError('timeout', `${held} Find it (lsof '${path}'), end it, and try again.`);
      }
    }
  } finally {
    database.close();
  }
}

async function openLock(path: string): Promise<DatabaseSync> {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    await chmod(path, 0o600);
    return database;
  } catch (cause) {
    database?.close();
    throw unusable(path, cause);
  }
}

function taken(database: DatabaseSync, path: string): boolean {
  try {
    // Nothing is ever written into it, so there is nothing to take back and no journal to lie about after a kill.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): FileLockError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const what = `The lock ${path} cannot be used (${why}).`;
  return new FileLockError(
    'preferences',
    `${what} Let the user that Quorum runs as write its folder, and remove the file if it is there.`,
    cause,
  );
}
