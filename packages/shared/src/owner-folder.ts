/**
 * The folder of one owner on disk, and what may happen to it at any moment: another process writes, a writer is killed, a person
 * edits by hand.
 *
 *   <dir>/<owner>/user_preferences.txt            what counts
 *                 user_preferences.last_good.txt  the last that was good: shown, never voted by
 *                 .lock                           empty; see file-lock.ts
 *                 .user_preferences.new           while it is written
 *
 * A file is replaced by renaming a complete one over it, so that a reader, and whoever comes after a crash, finds the old or the
 * new one. Nobody but the user that Quorum runs as may be able to write there: votes are cast by what stands in it.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync, type Stats } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { QuorumError } from './errors.ts';
import { FileLockError, withFileLock } from './file-lock.ts';
import type { Found } from './preference-store.ts';

export const PREFERENCES_FILE = 'user_preferences.txt';
export const LAST_GOOD_FILE = 'user_preferences.last_good.txt';
const NEW_FILE = '.user_preferences.new';
const LOCK_FILE = '.lock';

/** Far more than preferences can be; what is larger is not read into memory. */
const MAX_BYTES = 1024 * 1024;

type ReadFile = Found['now'];

/** The folder of an owner below `dir`. Nothing is touched until something is asked of it. */
export function ownerFolder(dir: string, owner: string) {
  const folder = join(dir, owner);
  const file = join(folder, PREFERENCES_FILE);
  const lastGood = join(folder, LAST_GOOD_FILE);

  /** `mayReplace` is asked at the last moment, when the new file is complete; false: nothing was replaced. */
  async function put(target: string, bytes: Uint8Array, mayReplace = (): boolean => true): Promise<boolean> {
    const fresh = join(folder, NEW_FILE);
    const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
    const handle = await open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (!mayReplace()) return false;
    await rename(fresh, target);
    await syncFolder(folder);
    return true;
  }

  async function written<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isErrno(error)) throw error;
      const what = `The preferences cannot be written to ${folder}: ${error.message}.`;
      throw new QuorumError('preferences', `${what} Mend that, or keep them in Redis (PREFERENCES_STORE=redis).`, {
        cause: error,
      });
    }
  }

  return {
    file,
    lastGood,
    read: (): ReadFile => readOwn([dir, folder], file),
    readLastGood: (): ReadFile => readOwn([dir, folder], lastGood),

    /**
     * Does `work` while no other process changes the folder, which is made if it is missing. Throws a `preferences` error that
     * says what to do where it cannot be written.
     */
    async exclusively<T>(work: () => Promise<T>): Promise<T> {
      await written(() => makeFolder(dir, folder));
      return withFileLock(join(folder, LOCK_FILE), work);
    },

    /**
     * Replaces the preferences, and then the last good copy: in this order, a crash between leaves a copy that is older. False
     * where something else stands there than what was found: an editor takes no lock, and what its owner saved meanwhile counts.
     */
    async replace(found: ReadFile, bytes: Uint8Array): Promise<boolean> {
      const isAsFound = () => isSame(readOwn([dir, folder], file), found);
      if (!(await written(() => put(file, bytes, isAsFound)))) return false;
      await written(() => put(lastGood, bytes));
      return true;
    },

    /**
     * Makes what somebody wrote by hand the last good copy, if it still stands there. A folder that cannot be written is no
     * reason not to read it: then there is no new copy.
     */
    async keep(bytes: Uint8Array): Promise<void> {
      try {
        await withFileLock(join(folder, LOCK_FILE), async () => {
          const now = readOwn([dir, folder], file);
          if (now.kind === 'text' && now.bytes.equals(bytes)) await put(lastGood, bytes);
        });
      } catch (error) {
        if (!isErrno(error) && !(error instanceof FileLockError)) throw error;
      }
    },
  };
}

/**
 * The text of a file that is ours alone. Never waits for what is no file, and follows no link. Done at once: each run asks
 * for it twice, and a dozen calls that each go to another thread and back take many times as long as the calls themselves.
 */
function readOwn(folders: readonly string[], path: string): ReadFile {
  let descriptor: number | undefined;
  try {
    for (const folder of folders) {
      const foreign = othersMayWrite(folder, statSync(folder));
      if (foreign !== null) return { kind: 'faulty', fault: 'foreign', why: foreign };
    }
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    const foreign = othersMayWrite(path, stats);
    if (foreign !== null) return { kind: 'faulty', fault: 'foreign', why: foreign };
    if (!stats.isFile()) return unreadable(`${path} is not a file. Move it away.`);
    if (stats.size > MAX_BYTES) return unreadable(`${path} is larger than ${MAX_BYTES / 1024} kB. Shorten it.`);
    return { kind: 'text', bytes: readFileSync(descriptor) };
  } catch (error) {
    if (!isErrno(error)) throw error;
    if (error.code === 'ENOENT') return { kind: 'absent' };
    if (error.code === 'ELOOP') {
      return { kind: 'faulty', fault: 'foreign', why: `${path} is a link. Put the file itself there.` };
    }
    return unreadable(`${path} cannot be read: ${error.message}. Let the user that Quorum runs as read it.`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function isSame(one: ReadFile, other: ReadFile): boolean {
  if (one.kind !== 'text' || other.kind !== 'text') return one.kind === other.kind;
  return one.bytes.equals(other.bytes);
}

function unreadable(why: string): ReadFile {
  return { kind: 'faulty', fault: 'unreadable', why };
}

const GROUP_OR_OTHERS_WRITE = 0o022;

/** Why a file or folder may hold what is not its owner's wish, and the command that mends it; null where it is ours alone. */
function othersMayWrite(path: string, { uid, mode }: Stats): string | null {
  const own = process.geteuid?.();
  // Windows has neither owners nor modes of this kind.
  if (own === undefined) return null;
  // Root can write whatever it likes anyway.
  if (uid !== own && uid !== 0) {
    return `${path} belongs to user ${uid}, and Quorum runs as user ${own}. Look through it, then run: chown ${own} '${path}'`;
  }
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) {
    return `Others than its owner may write ${path}. Look through it, then run: chmod go-w '${path}'`;
  }
  return null;
}

async function makeFolder(dir: string, folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const each of [dir, folder]) {
    const foreign = othersMayWrite(each, await stat(each));
    if (foreign !== null) throw new QuorumError('preferences', `The preferences cannot be saved: ${foreign}`);
  }
  // A new folder is there after a power cut only once the one above it is on disk.
  if (first !== undefined) await syncFolder(dir);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
