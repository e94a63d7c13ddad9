/** All checks, at the same time where none needs the other's answer. It changes nothing. */
import type { OwnerId } from '@quorum/shared/ids';
import { SettingsError } from '../start-settings.ts';
import { checkDisk, checkSecrets } from './files.ts';
import { bounded, broken, type Finding } from './finding.ts';
import { readPatient, type Patient } from './patient.ts';
import { checkRedis } from './redis.ts';
import { checkSigner, readEntries } from './signers.ts';
import { checkHub, checkModel, checkSequencer } from './upstreams.ts';

/** Looks at what this environment sets up. Never throws. */
export async function examine(env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  try {
    const { patient, findings } = await readPatient(env);
    return [...findings, ...(await examinePatient(patient))];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [broken('settings', error.message, 'Mend them in .env or the environment.')];
  }
}

export async function examinePatient(patient: Patient): Promise<readonly Finding[]> {
  const { entries, findings } = readEntries(patient);
  const owners = [...new Set<OwnerId>([patient.operator.settings.owner, ...(entries ?? []).map(({ owner }) => owner)])];
  const all = await Promise.all([
    bounded('redis', () => checkRedis(patient, owners, entries)),
    bounded('hub', (signal) => checkHub(patient, signal)),
    bounded('sequencer', (signal) => checkSequencer(patient, signal)),
    bounded('model', (signal) => checkModel(patient, signal)),
    bounded('secrets', () => checkSecrets(patient)),
    ...(entries ?? []).map((entry) => checkSigner(entry, patient)),
    bounded('disk', () => checkDisk(patient)),
  ]);
  return [...findings, ...all.flat()];
}
