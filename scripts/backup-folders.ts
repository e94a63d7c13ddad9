/** What a backup takes from disk and puts back there: the preferences of owners, where they are files, and the archive of evidence. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { OwnerId } from '@quorum/shared/ids';
import { LAST_GOOD_FILE, PREFERENCES_FILE } from '@quorum/shared/owner-folder';
import type { EvidenceDay, PreferenceFile } from './backup-file.ts';
import type { Operator } from './operator.ts';
import { replaceFile } from './secrets.ts';

const NEWLINE = 0x0a;

/** Where preferences are kept. */
export function preferencesIn({ env }: Pick<Operator, 'env'>): 'file' | 'redis' {
  return env['PREFERENCES_STORE'] === 'redis' ? 'redis' : 'file';
}

/** The archive of the decider: that of `npm start`, or the one that a container has mounted. */
export function evidenceFolder({ settings, env }: Operator): string {
  return env['QUORUM_EVIDENCE_DIR'] || settings.folders.evidence;
}

/** The files of every owner. Each is replaced as a whole when it changes, so each is read as a whole. */
export async function readPreferences(dir: string): Promise<PreferenceFile[]> {
  const found: PreferenceFile[] = [];
  for (const name of await namesIn(dir)) {
    const owner = OwnerId.safeParse(name);
    if (!owner.success) continue;
    for (const file of [PREFERENCES_FILE, LAST_GOOD_FILE]) {
      const full = path.join(dir, name, file);
      if (existsSync(full)) found.push({ owner: owner.data, file, bytes: await readFile(full) });
    }
  }
  return found;
}

/** Each day of the archive, up to the last line that is complete: the decider may be writing the next one. */
export async function readEvidence(dir: string): Promise<EvidenceDay[]> {
  const days = (await namesIn(dir)).filter((name) => /^\d{4}-\d\d-\d\d\.ndjson$/.test(name));
  return Promise.all(
    days.map(async (file) => {
      const bytes = await readFile(path.join(dir, file));
      return { file, bytes: bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1) };
    }),
  );
}

/** Preferences that are complete beside those that count, not yet in their place. */
export type Staged = { readonly place: () => Promise<string | null>; readonly drop: () => Promise<void> };

/**
 * Writes preferences beside those that are there. `place` puts them there, and gives back where the former ones are kept; null:
 * there were none.
 */
export async function stagePreferences(dir: string, files: readonly PreferenceFile[], nowMs: number): Promise<Staged> {
  const fresh = `${dir}.restoring`;
  const former = `${dir}.before-${new Date(nowMs).toISOString().replaceAll(/[:.]/g, '')}`;
  const drop = (): Promise<void> => rm(fresh, { recursive: true, force: true });
  await drop();
  await mkdir(fresh, { recursive: true, mode: 0o700 });
  for (const { owner, file, bytes } of files) await replaceFile(path.join(fresh, owner, file), bytes);
  return {
    drop,
    async place() {
      const hasFormer = existsSync(dir);
      if (hasFormer) await rename(dir, former);
      await rename(fresh, dir);
      return hasFormer ? former : null;
    },
  };
}

/** Adds what the archive lacks, and takes nothing away: what was decided since the backup stays explained. Returns the days that it wrote. */
export async function addEvidence(dir: string, days: readonly EvidenceDay[]): Promise<number> {
  let written = 0;
  for (const { file, bytes } of days) {
    const full = path.join(dir, file);
    const there = existsSync(full) ? await readFile(full) : Buffer.alloc(0);
    const known = new Set(linesOf(there));
    const missing = linesOf(bytes).filter((line) => !known.has(line));
    if (missing.length === 0) continue;
    await replaceFile(full, Buffer.concat([there, Buffer.from(missing.map((line) => `${line}\n`).join(''), 'latin1')]));
    written += 1;
  }
  return written;
}

/** As text that has a character for each byte. */
function linesOf(bytes: Buffer): string[] {
  return bytes.toString('latin1').split('\n').filter(Boolean);
}

async function namesIn(dir: string): Promise<string[]> {
  return existsSync(dir) ? (await readdir(dir)).toSorted() : [];
}
