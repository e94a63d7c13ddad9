/** What lies on the disk: the secrets and who may read them, and the room that is left. */
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { isOurs, readSecretFile } from '@quorum/shared/secret-file';
import { PASSPHRASES, SECRETS } from '../secrets.ts';
import { broken, fine, unchecked, warning, wordsOf, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const GB = 1_000_000_000;
const DISK_WARNS = 2 * GB;
const DISK_BROKEN = 0.2 * GB;

/** Modes and owners of the secrets that Quorum makes, and of the folders that they lie in. */
export async function checkSecrets({ operator }: Patient): Promise<readonly Finding[]> {
  const { secrets } = operator;
  const files = Object.values(SECRETS).map((name) => path.join(secrets, name));
  const faults = files.flatMap((file) => {
    try {
      readSecretFile(file);
      return [];
    } catch (error) {
      return [broken('secrets', wordsOf(error), 'Do what it says; the services do not start before.')];
    }
  });
  const folders = new Set([...files.map((file) => path.dirname(file)), path.join(secrets, PASSPHRASES)]);
  const open = await Promise.all([...folders].map(folderFaults));
  const found = [...faults, ...open.flat()];
  return found.length > 0 ? found : [fine('secrets', `those in ${secrets} are there, for their owner alone`)];
}

/** A folder that others may write lets them put a file of theirs in the place of ours. */
async function folderFaults(folder: string): Promise<Finding[]> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return []; // what is missing in it is told of by name
  const us = process.getuid?.();
  if (us !== undefined && !isOurs(found.uid, us)) {
    return [broken('secrets', `the folder ${folder} belongs to user id ${found.uid}`, `Run: chown ${us} ${folder}`)];
  }
  if ((found.mode & 0o022) === 0) return [];
  return [broken('secrets', `others can write the folder ${folder}`, `Run: chmod 700 ${folder}`)];
}

/** The room for Redis, whose file grows: full, it refuses every write. */
export async function checkDisk({ operator }: Patient): Promise<readonly Finding[]> {
  let folder = operator.settings.folders.redis;
  let found = await statfs(folder).catch(() => null);
  while (found === null && path.dirname(folder) !== folder) {
    folder = path.dirname(folder);
    found = await statfs(folder).catch(() => null);
  }
  if (found === null) return [unchecked('disk', 'it cannot be asked')];
  return [diskFinding(found.bavail * found.bsize, folder)];
}

export function diskFinding(freeBytes: number, folder: string): Finding {
  const says = `${(freeBytes / GB).toFixed(1)} GB are free at ${folder}`;
  const remedy = 'Make room: on a full disk Redis refuses every write, and no vote is sent.';
  if (freeBytes < DISK_BROKEN) return broken('disk', says, remedy);
  return freeBytes < DISK_WARNS ? warning('disk', says, remedy) : fine('disk', says);
}
