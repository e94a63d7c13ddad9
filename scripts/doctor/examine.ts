/** All checks, at the same time where none needs the other's answer. It changes nothing. */
import type { OwnerId } from '@quorum/shared/ids';
import type { SignerEntry } from '@quorum/voter/signer-entry';
import { merged } from '../settings-file.ts';
import { SettingsError, type SettingSources } from '../start-settings.ts';
import { checkDisk, checkSecrets, checkSettingsFile } from './files.ts';
import { bounded, broken, type Finding } from './finding.ts';
import { readPatient, type Patient } from './patient.ts';
import { checkPrices } from './prices.ts';
import { checkAnnouncements, checkRedis } from './redis.ts';
import { checkSigner, readEntries } from './signers.ts';
import { checkHub, checkModel, checkSequencer } from './upstreams.ts';

/** Looks at what these settings set up. Never throws. */
export async function examine(sources: SettingSources): Promise<readonly Finding[]> {
  try {
    const { patient, findings } = await readPatient(merged(sources));
    return [...findings, ...(await checkSettingsFile(sources)), ...(await examinePatient(patient))];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return [broken('settings', error.message, 'Mend them in .env or the environment.')];
  }
}

export async function examinePatient(patient: Patient): Promise<readonly Finding[]> {
  const { entries, findings } = readEntries(patient);
  const owners = [...new Set<OwnerId>([patient.operator.settings.owner, ...(entries ?? []).map(({ owner }) => owner)])];
  const all = await Promise.all([
    bounded('redis', () => checkRedis(patient, owners, entries ?? [])),
    bounded('hub', (signal) => checkHub(patient, signal)),
    bounded('sequencer', (signal) => checkSequencer(patient, signal)),
    bounded('model', (signal) => checkModel(patient, signal)),
    bounded('secrets', () => checkSecrets(patient)),
    entries === null ? [] : checkSigners(entries, patient),
    bounded('disk', () => checkDisk(patient)),
  ]);
  return [...findings, checkPrices(patient), ...all.flat()];
}

/** Every signer, and, once their keys are open, whether the voter service goes by them. */
async function checkSigners(entries: readonly SignerEntry[], patient: Patient): Promise<readonly Finding[]> {
  const checked = await Promise.all(entries.map((entry) => checkSigner(entry, patient)));
  const addresses = new Map(
    entries.flatMap(({ owner }, at) => {
      const address = checked[at]?.address;
      return address === undefined ? [] : [[owner, address] as const];
    }),
  );
  const announced = await bounded('announcement', () => checkAnnouncements(patient, entries, addresses));
  return [...checked.flatMap(({ findings }) => findings), ...announced];
}
