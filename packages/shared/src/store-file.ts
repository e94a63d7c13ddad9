/**
 * The preference store on files: one folder per owner with `user_preferences.txt` in it, JSON.
 * Reading never guesses: what is there and cannot be used is said to be so, and the run that finds it casts nothing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { OwnerId } from './ids.ts';
import { preferencesVersion, UserPreferences } from './preferences.ts';

/** What the store holds for an owner. */
export type StoredPreferences =
  | { readonly kind: 'stored'; readonly preferences: UserPreferences; readonly version: string }
  /** No file. The defaults apply, unless this owner is known to have had one. */
  | { readonly kind: 'missing'; readonly preferences: UserPreferences; readonly version: string }
  /** A file that cannot be used; `why` says what to mend. */
  | { readonly kind: 'unusable'; readonly why: string };

/** What the operator set for owners who said nothing. */
export type PreferenceDefaults = Pick<UserPreferences, 'confidence_threshold' | 'max_proposals_per_run'>;

export type PreferenceStore = { load(owner: OwnerId): Promise<StoredPreferences> };

export const PREFERENCES_FILE = 'user_preferences.txt';

/** The preferences under `<dir>/<owner>/user_preferences.txt`. */
export function filePreferenceStore(dir: string, defaults: PreferenceDefaults): PreferenceStore {
  return {
    async load(owner) {
      const path = join(dir, owner, PREFERENCES_FILE);
      let text: string;
      try {
        text = await readFile(path, 'utf8');
      } catch (error) {
        if (!isMissing(error)) return { kind: 'unusable', why: `${path} cannot be read: ${String(error)}` };
        const preferences = UserPreferences.parse(defaults);
        return { kind: 'missing', preferences, version: preferencesVersion(preferences) };
      }
      return parsePreferences(path, text, defaults);
    },
  };
}

/** Parses the text of a preference file; `path` is for the words of the error. */
function parsePreferences(path: string, text: string, defaults: PreferenceDefaults): StoredPreferences {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'unusable', why: `${path} is not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const object = z.record(z.string(), z.unknown()).safeParse(value);
  if (!object.success) return { kind: 'unusable', why: `${path} does not hold a JSON object.` };
  const parsed = UserPreferences.safeParse({ ...defaults, ...object.data });
  if (!parsed.success) return { kind: 'unusable', why: `${path} does not fit:\n${z.prettifyError(parsed.error)}` };
  return { kind: 'stored', preferences: parsed.data, version: preferencesVersion(parsed.data) };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
