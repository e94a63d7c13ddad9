/**
 * Opens the preference store that the operator chose, and tells of all that happens in it: one log event for each load, save,
 * update and fallback, and a count of loads by what was found; what others may have written is a security event. Never what the
 * preferences say.
 */
import type { Redis } from 'ioredis';
import type { z } from 'zod';
import type { PreferencesConfig } from './config.ts';
import { toQuorumError, ValidationError } from './errors.ts';
import type { OwnerId } from './ids.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { PreferenceStore, VersionedPreferences } from './preference-store.ts';
import type { PreferenceDefaults } from './preferences-document.ts';
import { UserPreferences } from './preferences.ts';
import { recordedVersions } from './recorded-versions.ts';
import { readKeyFile } from './secret-file.ts';
import { tellSecurity } from './security-events.ts';
import { filePreferenceStore } from './store-file.ts';
import { redisPreferenceStore } from './store-redis.ts';

export type PreferencesTold = {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'preferencesLoads' | 'security'>;
};

type Config = z.infer<typeof PreferencesConfig>;

/** What the operator set for owners who said nothing. */
export function preferenceDefaults(
  config: Pick<Config, 'DEFAULT_CONFIDENCE_THRESHOLD' | 'MAX_PROPOSALS_PER_RUN'>,
): PreferenceDefaults {
  return {
    confidence_threshold: config.DEFAULT_CONFIDENCE_THRESHOLD,
    max_proposals_per_run: config.MAX_PROPOSALS_PER_RUN,
  };
}

type OpenOptions = PreferencesTold & {
  readonly redis: Redis;
  /** Asked at each load: the operator may change them while the service runs. */
  readonly defaults: () => PreferenceDefaults;
};

/** The store of `PREFERENCES_STORE`. Throws where it is Redis and there is no key for it. */
export function openPreferences(
  config: Pick<Config, 'PREFERENCES_STORE' | 'PREFERENCES_DIR' | 'PREFERENCES_MAC_KEY_FILE'>,
  { redis, defaults, ...told }: OpenOptions,
): PreferenceStore {
  switch (config.PREFERENCES_STORE) {
    case 'file':
      return toldOf(
        filePreferenceStore({ dir: config.PREFERENCES_DIR, defaults, recorded: recordedVersions(redis) }),
        told,
      );
    case 'redis': {
      const file = config.PREFERENCES_MAC_KEY_FILE;
      if (file === undefined) {
        throw new ValidationError(
          'PREFERENCES_STORE=redis needs PREFERENCES_MAC_KEY_FILE: without a key nobody knows whose preferences are in Redis.',
        );
      }
      return toldOf(redisPreferenceStore(redis, defaults, readKeyFile(file)), told);
    }
  }
}

/** The store, each of its calls told of. */
function toldOf(store: PreferenceStore, { log, metrics }: PreferencesTold): PreferenceStore {
  async function changed(
    owner: OwnerId,
    what: 'all' | 'some',
    fields: readonly string[],
    work: Promise<VersionedPreferences>,
  ): Promise<VersionedPreferences> {
    try {
      const now = await work;
      const told = { owner, version: now.version, fields: known(fields) };
      if (what === 'all') log.info(told, 'preferences saved');
      else log.info(told, 'preferences updated');
      return now;
    } catch (thrown) {
      const error = toQuorumError(thrown);
      // What does not fit is named in the error, in words of whoever asked.
      const why = error instanceof ValidationError ? {} : { why: error.message };
      log.warn({ owner, error: error.name, ...why, fields: known(fields) }, 'preferences not changed');
      throw thrown;
    }
  }

  return {
    peek: store.peek,
    async load(owner) {
      const found = await store.load(owner);
      metrics.preferencesLoads.inc({ result: found.kind === 'unusable' ? found.fault : found.kind });
      switch (found.kind) {
        case 'stored':
          log.debug({ owner, version: found.version }, 'preferences loaded');
          break;
        case 'missing':
          log.info({ owner, version: found.version }, 'no preferences stored, defaults apply');
          break;
        case 'unusable': {
          const { fault, why, last_good } = found;
          log.error({ owner, fault, why, last_good: last_good?.version ?? null }, 'preferences cannot be used');
          if (fault === 'foreign') tellSecurity({ log, metrics }, 'preferences_refused', { owner });
        }
      }
      return found;
    },
    save: (owner, preferences, options) =>
      changed(owner, 'all', Object.keys(preferences), store.save(owner, preferences, options)),
    update: (owner, key, value, options) => changed(owner, 'some', [key], store.update(owner, key, value, options)),
    patch: (owner, fields, options) => changed(owner, 'some', Object.keys(fields), store.patch(owner, fields, options)),
  };
}

/** Names that a client made up stay out of the log. */
function known(fields: readonly string[]): string[] {
  return fields.filter((field) => Object.hasOwn(UserPreferences.shape, field));
}
