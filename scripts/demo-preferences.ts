/** The preferences that the demo's owner starts with: a file to look at and to change. */
import path from 'node:path';
import type { OwnerId } from '@quorum/shared/ids';
import type { UserPreferences } from '@quorum/shared/preferences';
import { PREFERENCES_FILE } from '@quorum/shared/store-file';
import { writeOnce } from './secrets.ts';

/** `instructions` is left out: the sandbox's model would not follow them. */
const DEMO_PREFERENCES: Partial<UserPreferences> = {
  voting_strategy: 'balanced',
  confidence_threshold: 0.7,
  max_proposals_per_run: 5,
  blacklisted_proposers: [],
  whitelisted_proposers: [],
  approval: 'when_unsure',
};

/** Writes `<dir>/<owner>/user_preferences.txt` unless it is there. Returns the path. */
export async function ensureDemoPreferences(dir: string, owner: OwnerId): Promise<string> {
  const file = path.join(dir, owner, PREFERENCES_FILE);
  await writeOnce(file, `${JSON.stringify(DEMO_PREFERENCES, null, 2)}\n`);
  return file;
}
