/** Each owner's preferences, as a run would read them, from the store that the services use. Nothing is changed. */
import { QuorumError } from '@quorum/shared/errors';
import type { OwnerId } from '@quorum/shared/ids';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import type { Redis } from 'ioredis';
import { broken, fine, unchecked, warning, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

const HOW = 'Say what you want: README.md shows what is in it, and the calls that change it.';

/** The store; null where its key cannot be read, which the check of the secrets tells. */
function open(voter: NonNullable<Patient['voter']>, redis: Redis): PreferenceStore | null {
  try {
    return openPreferences(voter, {
      redis,
      defaults: () => preferenceDefaults(voter),
      log: createLogger('doctor', 'silent'),
      metrics: createMetrics('doctor'),
    });
  } catch (error) {
    if (error instanceof QuorumError) return null;
    throw error;
  }
}

export async function checkPreferences(
  { voter }: Patient,
  owners: readonly OwnerId[],
  redis: Redis,
): Promise<readonly Finding[]> {
  if (voter === null) return [unchecked('preferences', 'the settings of the voter are wrong')];
  const store = open(voter, redis);
  if (store === null) return [unchecked('preferences', 'the key of those in Redis cannot be read')];
  return Promise.all(
    owners.map(async (owner): Promise<Finding> => {
      const check = `preferences of ${owner}`;
      const stored = await store.peek(owner);
      switch (stored.kind) {
        case 'stored':
          return fine(check, 'they are there and fit');
        case 'unusable':
          return broken(check, stored.why, 'Mend them: until then every run is a dry run.');
        case 'missing':
          return warning(check, 'there are none: the defaults apply', HOW);
      }
    }),
  );
}
