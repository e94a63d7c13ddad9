/**
 * The file of a backup. Its first line is the SHA-256 of the manifest, a space, and the manifest: one line of JSON, so that
 * `head -1` shows what the file is. The parts follow, one behind the other, each compressed by gzip, as the manifest lists them.
 *
 *   redis                           a line of JSON for each key: name, when it expires, its DUMP in base64
 *   preferences/<owner>/<file>      where preferences are files
 *   evidence/<day>.ndjson           the archive of the decider
 *
 * No secret is in it. Of the keys it has a fingerprint each, by which a restore sees whether they are those that were there.
 */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { OwnerId } from '@quorum/shared/ids';
import { LAST_GOOD_FILE, PREFERENCES_FILE } from '@quorum/shared/owner-folder';
import type { CopiedKey } from '@quorum/shared/redis-copy';
import { PREFIXES } from '@quorum/shared/redis-keys';
import { z } from 'zod';
import { OperatorError } from './operator.ts';

const FORMAT = 'quorum backup 2';
const NEWLINE = 0x0a;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Part = z.strictObject({ name: z.string(), bytes: z.int().min(0), sha256: Sha256 });

const Manifest = z.strictObject({
  format: z.literal(FORMAT),
  made_at: z.iso.datetime(),
  /** What this Quorum votes on; null: no voter service was ever started on it. */
  serves: z.enum(['live', 'sandbox']).nullable(),
  redis_version: z.string(),
  redis_keys: z.int().min(0),
  preferences: z.enum(['file', 'redis']),
  fingerprints: z.record(z.string(), Sha256),
  parts: z.array(Part),
});
export type Manifest = z.infer<typeof Manifest>;

/** A file of preferences, or a day of the archive. */
export type PreferenceFile = { readonly owner: OwnerId; readonly file: string; readonly bytes: Buffer };
export type EvidenceDay = { readonly file: string; readonly bytes: Buffer };

export type Contents = {
  readonly keys: readonly CopiedKey[];
  readonly preferences: readonly PreferenceFile[];
  readonly evidence: readonly EvidenceDay[];
};
export type Backup = Contents & { readonly manifest: Manifest };

/** The bytes of a backup's file. */
export function packBackup(
  about: Omit<Manifest, 'format' | 'redis_keys' | 'parts'>,
  { keys, preferences, evidence }: Contents,
): Buffer {
  const parts = [
    { name: 'redis', bytes: gzipSync(Buffer.concat(keys.map(lineOf))) },
    ...preferences.map(({ owner, file, bytes }) => ({
      name: `preferences/${owner}/${file}`,
      bytes: gzipSync(bytes),
    })),
    ...evidence.map(({ file, bytes }) => ({ name: `evidence/${file}`, bytes: gzipSync(bytes) })),
  ];
  const listed = parts.map(({ name, bytes }) => ({ name, bytes: bytes.length, sha256: sha256(bytes) }));
  const manifest = JSON.stringify({ format: FORMAT, ...about, redis_keys: keys.length, parts: listed });
  const first = Buffer.from(`${sha256(Buffer.from(manifest))} ${manifest}\n`);
  return Buffer.concat([first, ...parts.map(({ bytes }) => bytes)]);
}

/** What a backup's file holds, every byte of it verified. Throws an `OperatorError` that says what is wrong with it. */
export function unpackBackup(file: Buffer): Backup {
  const end = file.indexOf(NEWLINE);
  if (end === -1) throw damaged('it has no manifest');
  const line = file.subarray(0, end);
  const text = line.subarray(65);
  if (line.subarray(0, 65).toString('latin1') !== `${sha256(text)} `)
    throw damaged('its manifest is not as it was written');
  const manifest = readManifest(text);
  let at = end + 1;
  const parts = manifest.parts.map(({ name, bytes, sha256: wanted }) => {
    const part = file.subarray(at, at + bytes);
    at += bytes;
    if (sha256(part) !== wanted) throw damaged(`the part ${name} is not as it was written`);
    return { name, bytes: gunzipSync(part) };
  });
  if (at !== file.length) throw damaged('something follows its last part');
  const [redis, ...files] = parts;
  if (redis?.name !== 'redis') throw damaged('it has no part of Redis');
  const keys = linesOf(redis.bytes).map(keyOf);
  if (keys.length !== manifest.redis_keys) throw damaged('it has another number of keys than its manifest says');
  const preferences = files.flatMap(({ name, bytes }) => preferenceFile(name, bytes) ?? []);
  const evidence = files.flatMap(({ name, bytes }) => evidenceDay(name, bytes) ?? []);
  if (preferences.length + evidence.length !== files.length) throw damaged('it has a part that nobody knows');
  return { manifest, keys, preferences, evidence };
}

function readManifest(text: Buffer): Manifest {
  const parsed = Manifest.safeParse(JSON.parse(text.toString()));
  if (parsed.success) return parsed.data;
  throw new OperatorError(`This Quorum cannot read the backup: ${z.prettifyError(parsed.error)}`);
}

const Key = z.strictObject({
  name: z.string().startsWith(PREFIXES.all),
  expires_at: z.int().min(0),
  dump: z.base64(),
});

function lineOf({ name, expiresAtMs, dump }: CopiedKey): Buffer {
  return Buffer.from(`${JSON.stringify({ name, expires_at: expiresAtMs, dump: dump.toString('base64') })}\n`);
}

function keyOf(line: Buffer): CopiedKey {
  const { name, expires_at: expiresAtMs, dump } = Key.parse(JSON.parse(line.toString()));
  return { name, expiresAtMs, dump: Buffer.from(dump, 'base64') };
}

/** A backup may be longer than a string can be. */
function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length;) {
    const to = bytes.indexOf(NEWLINE, from);
    if (to === -1) throw damaged('a line of it is cut off');
    lines.push(bytes.subarray(from, to));
    from = to + 1;
  }
  return lines;
}

/** Names become paths: nothing else than what Quorum itself names so. */
function preferenceFile(name: string, bytes: Buffer): PreferenceFile | null {
  const [kind, folder, file, ...more] = name.split('/');
  const owner = OwnerId.safeParse(folder);
  const isKnown = file === PREFERENCES_FILE || file === LAST_GOOD_FILE;
  return kind === 'preferences' && owner.success && isKnown && more.length === 0
    ? { owner: owner.data, file, bytes }
    : null;
}

function evidenceDay(name: string, bytes: Buffer): EvidenceDay | null {
  const file = /^evidence\/(\d{4}-\d\d-\d\d\.ndjson)$/.exec(name)?.[1];
  return file === undefined ? null : { file, bytes };
}

function damaged(what: string): OperatorError {
  return new OperatorError(`The backup is damaged: ${what}. Nothing was changed.`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
