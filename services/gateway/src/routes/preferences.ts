/**
 * `GET`, `PUT` and `PATCH /user-preferences`: what the owner of the request wants, in the preference store.
 *
 * The body is the preferences themselves, so that what was read can be changed and sent back. Their version is the ETag; with
 * `If-Match` only that version is changed, and another one that stands is a 412. Preferences that cannot be used are a 409
 * with the last good ones beside the fault, never in the place of those that count.
 */
import { ValidationError } from '@quorum/shared/errors';
import type { OwnerId } from '@quorum/shared/ids';
import type { UserPreferences } from '@quorum/shared/preferences';
import {
  UnusablePreferencesError,
  VersionConflictError,
  type ChangeOptions,
  type PreferenceStore,
  type StoredPreferences,
  type VersionedPreferences,
} from '@quorum/shared/preference-store';
import {
  readDocument,
  readObject,
  type DocumentIssue,
  type PreferenceDefaults,
  type PreferencesDocument,
} from '@quorum/shared/preferences-document';
import { Router, type Request, type Response } from 'express';
import type { Access } from '../access.ts';
import { PATCH_PREFERENCES, PUT_PREFERENCES, READ_PREFERENCES } from '../api/preferences.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import { Refusal } from '../problem.ts';

export type PreferencesDeps = {
  readonly access: Access;
  readonly preferences: PreferenceStore;
  /** What a PUT leaves out. */
  readonly preferenceDefaults: () => PreferenceDefaults;
};

/** Each question to Redis, and the wait for a file that another process has locked, ends sooner, with words of its own. */
const LIMIT_MS = 40_000;

/** The routes of preferences. */
export function preferencesRoutes({ access, preferences: store, preferenceDefaults }: PreferencesDeps): Router {
  const router = Router();
  const serve = serveOn(router, access);

  serve(READ_PREFERENCES, async ({ caller, response, answer }) => {
    const { owner } = await askRedis(LIMIT_MS, caller);
    answer(200, told(response, usable(await askRedis(LIMIT_MS, () => store.load(owner)))));
  });

  serve(PUT_PREFERENCES, async ({ caller, headers, request, response, answer }) => {
    const { owner } = await askRedis(LIMIT_MS, caller);
    const options = changeOf(headers()['If-Match']);
    const read = readDocument(bytesOf(request), preferenceDefaults());
    if (read.kind === 'bad') throw notFitting(read.issues);
    const saved = await changed(() => store.save(owner, read.preferences, options));
    answer(200, told(response, saved));
  });

  serve(PATCH_PREFERENCES, async ({ caller, headers, request, response, answer }) => {
    const { owner } = await askRedis(LIMIT_MS, caller);
    const options = changeOf(headers()['If-Match']);
    const fields = fieldsOf(request);
    answer(200, told(response, await patched(store, owner, fields, options)));
  });

  return router;
}

async function patched(
  store: PreferenceStore,
  owner: OwnerId,
  fields: PreferencesDocument,
  options: ChangeOptions,
): Promise<VersionedPreferences> {
  try {
    return await changed(() => store.patch(owner, fields, options));
  } catch (error) {
    // Said as GET says it, with the last good ones.
    if (error instanceof UnusablePreferencesError) usable(await askRedis(LIMIT_MS, () => store.load(owner)));
    throw error;
  }
}

async function changed(change: () => Promise<VersionedPreferences>): Promise<VersionedPreferences> {
  try {
    return await askRedis(LIMIT_MS, change);
  } catch (error) {
    if (!(error instanceof VersionConflictError)) throw error;
    const headers = error.current === null ? {} : { etag: etagOf(error.current) };
    throw new Refusal('version-changed', error.message, { headers });
  }
}

/** The preferences that count. Throws where none can be used. */
function usable(stored: StoredPreferences): VersionedPreferences {
  if (stored.kind !== 'unusable') return stored;
  const { fault, why, last_good } = stored;
  throw new Refusal('preferences-unusable', `Nothing is cast until this is mended: ${why}`, {
    unusable: { fault, last_good },
  });
}

/** What is sent of preferences: their version in a header, since the body is what a client sends back. */
function told(response: Response, { preferences, version }: VersionedPreferences): UserPreferences {
  response.set('etag', etagOf(version));
  return preferences;
}

function etagOf(version: string): string {
  return `"${version}"`;
}

function changeOf(ifMatch: string | undefined): ChangeOptions {
  // There always are some: the defaults at least.
  if (ifMatch === undefined || ifMatch === '*') return {};
  return { ifVersion: ifMatch.slice(1, -1) };
}

function fieldsOf(request: Request): PreferencesDocument {
  const read = readObject(bytesOf(request));
  if (read.kind === 'bad') throw notFitting(read.issues);
  return read.document;
}

/** A request without a body has no bytes. */
function bytesOf({ body }: Request): Uint8Array {
  const bytes: unknown = body;
  return bytes instanceof Uint8Array ? bytes : new Uint8Array();
}

function notFitting(issues: readonly DocumentIssue[]): ValidationError {
  const errors = issues.map(({ path, line, column, message }) => ({
    path,
    message: `${message} (line ${line}, column ${column})`,
  }));
  return new ValidationError('The body does not fit; see errors.', errors);
}
