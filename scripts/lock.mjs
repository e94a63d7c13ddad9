/** A lock between processes: a file with the holder's process id. Plain JavaScript, as the bootstrap needs it. */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than any set-up takes: an older lock belongs to a process whose id somebody else has now. */
const STALE_AFTER_MS = 10 * 60_000;

/** Runs `work` while no other process runs its own under the same lock; waits for its turn, and says so. */
export async function withLock(file, say, work) {
  await mkdir(path.dirname(file), { recursive: true });
  let told = false;
  while (!(await take(file))) {
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder > 0 && (await isStale(file, holder))) {
      await breakLock(file, holder);
    } else {
      if (!told) say(`… waiting for the set-up that process ${holder || '?'} is doing`);
      told = true;
      await sleep(100);
    }
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

/** Written beside and linked, so that the file never stands there without the id in it. */
async function take(file) {
  const own = `${file}.${randomUUID()}.new`;
  await writeFile(own, String(process.pid), { mode: 0o600 });
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

async function isStale(file, holder) {
  try {
    process.kill(holder, 0);
  } catch (error) {
    return error.code === 'ESRCH';
  }
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > STALE_AFTER_MS;
}

/** Two may see the same stale lock: the one that moves a fresh lock away by mistake puts it back. */
async function breakLock(file, holder) {
  const aside = `${file}.${randomUUID()}.stale`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  if (Number(await readFile(aside, 'utf8')) === holder) await rm(aside);
  else await rename(aside, file);
}
