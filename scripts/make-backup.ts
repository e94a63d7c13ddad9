/** Makes a backup, and writes it. */
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { keys } from '@quorum/shared/redis-keys';
import { createRedisCopy } from '@quorum/shared/redis-copy';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { packBackup, type Backup } from './backup-file.ts';
import { evidenceFolder, preferencesIn, readEvidence, readPreferences } from './backup-folders.ts';
import { fingerprintsOf } from './backup-keys.ts';
import { OperatorError, type Operator } from './operator.ts';
import { pathOf } from './root.ts';
import { replaceFile } from './secrets.ts';

const Serves = z.enum(['live', 'sandbox']).nullable();

/** What a backup of this Quorum holds now, and how many milliseconds Redis answered nobody else. */
export async function makeBackup(
  operator: Operator,
  redis: Redis,
): Promise<{ bytes: Buffer; counts: string; blockedMs: number }> {
  const serves = Serves.safeParse(await redis.get(keys.mode()));
  if (!serves.success)
    throw new OperatorError('A restore was begun here and did not end: there is no whole state to keep.');
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown';
  const began = performance.now();
  const copied = await createRedisCopy(redis).take();
  const blockedMs = performance.now() - began;
  // Behind Redis: what it knows of preferences and evidence is on disk by then.
  const preferences = preferencesIn(operator) === 'file' ? await readPreferences(operator.settings.folders.owners) : [];
  const evidence = await readEvidence(evidenceFolder(operator));
  const contents = { keys: copied.keys, preferences, evidence };
  const about = {
    made_at: new Date(copied.atMs).toISOString(),
    serves: serves.data,
    redis_version: version,
    preferences: preferencesIn(operator),
    fingerprints: fingerprintsOf(operator),
  };
  return { bytes: packBackup(about, contents), counts: countsOf(contents), blockedMs };
}

/** How much there is, in words. */
export function countsOf({ keys: copied, preferences, evidence }: Omit<Backup, 'manifest'>): string {
  return `${copied.length} keys of Redis, ${preferences.length} preference files, ${evidence.length} days of evidence`;
}

/** The file of a new backup: that one, or in that folder one named by the time. Throws an `OperatorError` where it is there already. */
export function backupFile(given: string, now: Date): string {
  const full = pathOf(given);
  const isFolder = given.endsWith('/') || (existsSync(full) && statSync(full).isDirectory());
  const file = isFolder ? path.join(full, `quorum-${now.toISOString().replaceAll(/[:.]/g, '')}.backup`) : full;
  if (existsSync(file)) throw new OperatorError(`${file} is there already. Name another file.`);
  return file;
}

/** Only its owner can read it: it has what they want, and what was decided and why. */
export async function writeBackup(file: string, bytes: Buffer): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await replaceFile(file, bytes);
  await chmod(file, 0o600);
}
