/**
 * The preference store: what an owner wants, as it is kept. Two stores keep this contract, files (`store-file.ts`) and Redis
 * (`store-redis.ts`); what both do the same is here, and whether preferences may be voted by is decided here alone.
 *
 *   nothing there, and never was    → missing: the defaults apply
 *   good                            → stored
 *   anything else                   → unusable: nothing is cast by it, and the last good copy is shown
 *
 * A version is a hash of what the preferences say, so that equal preferences have equal versions.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { QuorumError, ValidationError } from './errors.ts';
import type { OwnerId } from './ids.ts';
import {
  readDocument,
  wordsOf,
  type DocumentIssue,
  type PreferenceDefaults,
  type PreferencesDocument,
} from './preferences-document.ts';
import { preferencesVersion, UserPreferences } from './preferences.ts';

export type VersionedPreferences = { readonly preferences: UserPreferences; readonly version: string };

/**
 * What keeps preferences from being used. gone: there were some before. unreadable: the system does not hand them out.
 * foreign: others than Quorum may have written them. unparsable: no JSON. invalid: JSON that does not fit.
 */
export const FAULTS = ['gone', 'unreadable', 'foreign', 'unparsable', 'invalid'] as const;
export type Fault = (typeof FAULTS)[number];

/** What the store holds for an owner. */
export type StoredPreferences =
  | ({ readonly kind: 'stored' } & VersionedPreferences)
  /** Nothing, and never was anything: the defaults. */
  | ({ readonly kind: 'missing' } & VersionedPreferences)
  | {
      readonly kind: 'unusable';
      readonly fault: Fault;
      /** What is wrong, where, and what to do. */
      readonly why: string;
      /** To be shown; never to be voted by. */
      readonly last_good: VersionedPreferences | null;
    };

export type ChangeOptions = {
  /** Change only what has this version; a `VersionConflictError` otherwise. */
  readonly ifVersion?: string | undefined;
};

export type PreferenceStore = {
  /** What is there; what is good and was changed by hand is kept as the last good copy. */
  load(owner: OwnerId): Promise<StoredPreferences>;
  /** The same, for who only looks: nothing is kept. */
  peek(owner: OwnerId): Promise<StoredPreferences>;
  /** Stores all of them; over unusable ones too, which is how those are mended. */
  save(owner: OwnerId, preferences: UserPreferences, options?: ChangeOptions): Promise<VersionedPreferences>;
  /** Sets one field and leaves the others as they were written. Throws `UnusablePreferencesError` where they cannot be read. */
  update<K extends keyof UserPreferences>(
    owner: OwnerId,
    key: K,
    value: UserPreferences[K],
    options?: ChangeOptions,
  ): Promise<VersionedPreferences>;
  /** Sets several fields in one step. Throws a `ValidationError` that names each field that does not fit. */
  patch(owner: OwnerId, fields: PreferencesDocument, options?: ChangeOptions): Promise<VersionedPreferences>;
};

/** Somebody changed the preferences meanwhile: read them again, then decide. */
export class VersionConflictError extends QuorumError {
  /** The version that stands; null where what stands has none, since it cannot be used. */
  readonly current: string | null;

  constructor(current: string | null) {
    super(
      'preferences',
      current === null
        ? 'The preferences that stand cannot be used and have no version. Look at them, then save without a version.'
        : `The preferences changed meanwhile. Read them again; their version is ${current} now.`,
    );
    this.name = 'VersionConflictError';
    this.current = current;
  }
}

/** A part of what cannot be read cannot be changed. */
export class UnusablePreferencesError extends QuorumError {
  readonly fault: Fault;

  constructor(fault: Fault, why: string) {
    super('preferences', `The preferences cannot be used, so no part of them can be changed: ${why}`);
    this.name = 'UnusablePreferencesError';
    this.fault = fault;
  }
}

/** What is there now, and what is known of before. */
export type Found = {
  readonly now:
    | { readonly kind: 'text'; readonly bytes: Buffer }
    | { readonly kind: 'absent' }
    | {
        readonly kind: 'faulty';
        readonly fault: 'unreadable' | 'foreign';
        readonly why: string;
        /** What stands there all the same, where whoever replaces it has to name it. */
        readonly kept?: Buffer;
      };
  /** The last that was good, as it was written. */
  readonly lastGood: Buffer | null;
  /** Whether there ever was one, as far as anybody remembers. */
  readonly recorded: boolean;
};

/** Where preferences are kept. */
export type Backing = {
  /** What the place is called, for errors. */
  where(owner: OwnerId): string;
  /** How what is gone is put back, for errors. */
  putBack(owner: OwnerId): string;
  read(owner: OwnerId): Promise<Found>;
  /** Puts these in place of what was found, and keeps them as the last good. False where something else stands there now. */
  replace(owner: OwnerId, found: Found, bytes: Buffer, version: string): Promise<boolean>;
  /** Keeps what was found as the last good. */
  keep(owner: OwnerId, bytes: Buffer, version: string): Promise<void>;
  /** Keeps others out while `work` reads and replaces, as far as this backing can. */
  exclusively<T>(owner: OwnerId, work: () => Promise<T>): Promise<T>;
};

/** As many processes as anybody runs, each of which won once before us, many times over. */
const TRIES = 100;
const LONGEST_PAUSE_MS = 10;

/** The store on a backing. */
export function preferenceStore(backing: Backing, defaults: () => PreferenceDefaults): PreferenceStore {
  /** What was found, judged; a document where it can be used. */
  function judge(owner: OwnerId, { now, lastGood, recorded }: Found) {
    const unusable = (fault: Fault, why: string) => {
      const read = lastGood === null ? null : readDocument(lastGood, defaults());
      const last_good = read?.kind === 'good' ? versioned(read) : null;
      return { kind: 'unusable', fault, why, last_good } as const;
    };
    switch (now.kind) {
      case 'faulty':
        return unusable(now.fault, now.why);
      case 'absent': {
        if (recorded) {
          const again = 'or save them anew (PUT /user-preferences)';
          return unusable(
            'gone',
            `${backing.where(owner)} was there before and is gone. ${backing.putBack(owner)}, ${again}.`,
          );
        }
        const preferences = UserPreferences.parse(defaults());
        // What the owner writes first by us asks when it is unsure; the seed's default, never, is for files without the field.
        const document = { approval: 'when_unsure' };
        return { kind: 'missing', document, preferences, version: preferencesVersion(preferences) } as const;
      }
      case 'text': {
        const read = readDocument(now.bytes, defaults());
        if (read.kind === 'bad') return unusable(read.fault, wordsOf(backing.where(owner), read.issues));
        return { ...read, kind: 'stored', bytes: now.bytes } as const;
      }
    }
  }

  async function look(owner: OwnerId) {
    let found = await backing.read(owner);
    // The first ones may have been saved while we looked, and been recorded by the time we asked.
    if (found.now.kind === 'absent' && found.recorded) found = await backing.read(owner);
    return { found, judged: judge(owner, found) };
  }

  async function change(
    owner: OwnerId,
    { ifVersion }: ChangeOptions,
    make: (stands: ReturnType<typeof judge>) => PreferencesDocument,
  ): Promise<VersionedPreferences> {
    return backing.exclusively(owner, async () => {
      for (let tries = 1; tries <= TRIES; tries += 1) {
        const { found, judged } = await look(owner);
        const current = judged.kind === 'unusable' ? null : judged.version;
        if (ifVersion !== undefined && ifVersion !== current) throw new VersionConflictError(current);
        const bytes = Buffer.from(`${JSON.stringify(make(judged), null, 2)}\n`);
        const read = readDocument(bytes, defaults());
        if (read.kind === 'bad') throw notFitting(read.issues);
        if (await backing.replace(owner, found, bytes, read.version)) return versioned(read);
        await pause(Math.random() * LONGEST_PAUSE_MS);
      }
      throw new QuorumError('timeout', 'Others change these preferences all the time. Try again in a moment.');
    });
  }

  const storedOf = (judged: ReturnType<typeof judge>): StoredPreferences =>
    judged.kind === 'unusable' ? judged : { kind: judged.kind, ...versioned(judged) };

  const store: PreferenceStore = {
    async load(owner) {
      const { found, judged } = await look(owner);
      if (judged.kind === 'stored') {
        const isKept = found.recorded && found.lastGood?.equals(judged.bytes) === true;
        if (!isKept) await backing.keep(owner, judged.bytes, judged.version);
      }
      return storedOf(judged);
    },
    peek: async (owner) => storedOf((await look(owner)).judged),
    save: (owner, preferences, options = {}) => change(owner, options, () => preferences),
    update: (owner, key, value, options) => store.patch(owner, { [key]: value }, options),
    patch: (owner, fields, options = {}) =>
      change(owner, options, (stands) => {
        if (stands.kind === 'unusable') throw new UnusablePreferencesError(stands.fault, stands.why);
        return { ...stands.document, ...fields };
      }),
  };
  return store;
}

/** Without line and column: those are of our own spelling, not of what was asked. */
function notFitting(issues: readonly DocumentIssue[]): ValidationError {
  const told = issues.map(({ path, message }) => ({ path, message }));
  return new ValidationError(`The preferences do not fit: ${told.map(words).join('; ')}.`, told);
}

function words({ path, message }: { readonly path: string; readonly message: string }): string {
  return `${path} ${message}`.trim();
}

function versioned({ preferences, version }: VersionedPreferences): VersionedPreferences {
  return { preferences, version };
}
