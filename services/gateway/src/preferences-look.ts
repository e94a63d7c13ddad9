/** What the gateway's heartbeat says of preferences: of where they are kept, and whether those of its own owner can be used. */
import type { OwnerId } from '@quorum/shared/ids';
import type { PartState } from '@quorum/shared/heartbeat';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import { lookAtPreferences } from '@quorum/shared/preferences-look';

type Config = Parameters<typeof lookAtPreferences>[0] & { readonly OWNER_ID: OwnerId };

/** Looks at the store, then at the preferences of OWNER_ID. */
export async function lookAtOwnPreferences(
  config: Config,
  preferences: Pick<PreferenceStore, 'peek'>,
): Promise<PartState> {
  const kept = await lookAtPreferences(config);
  if (kept.status !== 'ok') return kept;
  const found = await preferences.peek(config.OWNER_ID);
  if (found.kind !== 'unusable') return kept;
  return { status: 'degraded', detail: `those of the owner cannot be used (${found.fault}): their runs are dry runs` };
}
