/** The preferences that the demo's owner starts with: something to look at and to change. */
import path from 'node:path';
import { parseConfig, PreferencesConfig } from '@quorum/shared/config';
import type { OwnerId } from '@quorum/shared/ids';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { openPreferences, preferenceDefaults } from '@quorum/shared/open-preferences';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import type { UserPreferences } from '@quorum/shared/preferences';
import type { Redis } from 'ioredis';
import { SECRETS } from './secrets.ts';

/** `instructions` is left out: the sandbox's model would not follow them. */
const DEMO_PREFERENCES: Partial<UserPreferences> = {
  voting_strategy: 'balanced',
  confidence_threshold: 0.7,
  max_proposals_per_run: 5,
  blacklisted_proposers: [],
  whitelisted_proposers: [],
  approval: 'when_unsure',
};

/** The store that the services of this environment use, its key in this folder of secrets. */
export function demoStore(env: NodeJS.ProcessEnv, secrets: string, redis: Redis): PreferenceStore {
  const told = { log: createLogger('setup', 'silent'), metrics: createMetrics('setup') };
  const config = parseConfig(PreferencesConfig, {
    ...env,
    PREFERENCES_MAC_KEY_FILE: path.join(secrets, SECRETS.preferencesMacKey),
  });
  return openPreferences(config, { redis, ...told, defaults: () => preferenceDefaults(config) });
}

/** Stores them unless this owner has, or ever had, preferences. What cannot be used is left for its owner to mend. */
export async function ensureDemoPreferences(store: PreferenceStore, owner: OwnerId): Promise<void> {
  const { kind } = await store.load(owner);
  if (kind === 'missing') await store.patch(owner, DEMO_PREFERENCES);
}
