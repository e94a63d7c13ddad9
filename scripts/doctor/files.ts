/** What lies on the disk: the secrets and who may read them, and the room that is left. */
import { stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { DISK_BROKEN, DISK_WARNS } from '@quorum/shared/health';
import { allSettings } from '../schemas.ts';
import { secretFaults } from '../secrets.ts';
import { unheardSettings } from '../settings-file.ts';
import type { SettingSources } from '../start-settings.ts';
import { broken, fine, unchecked, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const GB = 1_000_000_000;

/** The secrets and the folders that they lie in, as `npm start` and setup look at them. */
export async function checkSecrets({ operator }: Patient): Promise<readonly Finding[]> {
  const { secrets } = operator;
  const faults = await secretFaults({ dir: secrets });
  if (faults.length === 0) return [fine('secrets', `those in ${secrets} are there, for their owner alone`)];
  return faults.map((fault) => broken('secrets', fault, 'Do what it says; the services do not start before.'));
}

/** The settings file: names in it that have no effect, and keys of other parties in it that others can read. */
export async function checkSettingsFile({ file, path: where }: SettingSources): Promise<readonly Finding[]> {
  const unheard = unheardSettings(file).map((says) => warning('settings', says, 'Mend the name, or take it out.'));
  const info = where === null ? null : await stat(where).catch(() => null);
  if (where === null || info === null || (info.mode & 0o077) === 0) return unheard;
  const secret = allSettings().filter(({ uses }) => uses.some(({ setting }) => setting.secret));
  const held = secret.map(({ name }) => name).filter((name) => (file[name] ?? '') !== '');
  if (URL.parse(file['REDIS_URL'] ?? '')?.password) held.push('REDIS_URL');
  if (held.length === 0) return unheard;
  return [
    ...unheard,
    warning('secrets', `others can read ${where}, which holds ${held.join(', ')}`, `Run: chmod 600 ${where}`),
  ];
}

/** The room for Redis, whose file grows: full, it refuses every write. Its folder is that of `npm start`, or what a container has mounted. */
export async function checkDisk({ operator }: Patient): Promise<readonly Finding[]> {
  let folder = operator.env['QUORUM_REDIS_DIR'] || operator.settings.folders.redis;
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
