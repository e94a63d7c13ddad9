/**
 * The secrets that Quorum makes for itself: one folder per service, so that each can be mounted where it is needed and nowhere
 * else. Files are 0600 in folders 0700; one that is there is never changed.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isOurs, readKeyFile, readSecretFile } from '@quorum/shared/secret-file';

/** Where each secret is, below the secrets folder. The voter service reads the decider's key
 * too, whose codes it checks; gateway and voter service alike read that of answers to holds, and the fetcher with them that of preferences: so each has a folder
 * of its own. */
export const SECRETS = {
  redisPassword: 'redis/password',
  apiKey: 'gateway/api.key',
  gatewayMacKey: 'gateway/mac.key',
  deciderMacKey: 'decider/mac.key',
  voterMacKey: 'voter/mac.key',
  holdMacKey: 'holds/mac.key',
  preferencesMacKey: 'preferences/mac.key',
  grafanaPassword: 'grafana/password',
} as const;

/** Who votes with which key. */
export const SIGNERS_FILE = 'voter/signers.json';

/** Folder of the passphrases of the voter service's keystores: apart from them, so that it can lie on another mount. */
export const PASSPHRASES = 'voter-passphrase';

const SECRET_BYTES = 32;

export interface SecretsFolder {
  readonly dir: string;
  /** One of `SECRETS` that is made later, if it is missing. */
  readonly putOff?: string | undefined;
}

/** Secrets that are there and must not be used as they are. Each fault says what mends it. */
export class SecretsError extends Error {
  override readonly name = 'SecretsError';
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super(['The secrets are not safe to use:', ...faults.map((fault) => `  ${fault}`)].join('\n'));
    this.faults = faults;
  }
}

/**
 * Makes every secret that is missing: 32 random bytes as 64 hex digits. Returns the files that it made. What was there is looked
 * at and never changed, not even its mode: whoever opened a secret must hear of it, as it may be known by now. One that is `put
 * off` may stay missing.
 * @throws SecretsError if anything there can be read by others, or is no secret.
 */
export async function ensureSecrets({ dir, putOff }: SecretsFolder): Promise<string[]> {
  const made: string[] = [];
  for (const name of Object.values(SECRETS)) {
    if (name === putOff) continue;
    const file = path.join(dir, name);
    if (await writeOnce(file, randomBytes(SECRET_BYTES).toString('hex'))) made.push(file);
  }
  const faults = await secretFaults({ dir, putOff });
  if (faults.length > 0) throw new SecretsError(faults);
  return made;
}

/** What is wrong in a secrets folder, each fault with its remedy. Empty: nothing. */
export async function secretFaults({ dir, putOff }: SecretsFolder): Promise<string[]> {
  const exposed = await openPaths(dir);
  const unusable = Object.entries(SECRETS).flatMap(([secret, name]) => {
    const file = path.join(dir, name);
    if (exposed.has(file) || (name === putOff && !existsSync(file))) return [];
    try {
      // The services' own check, and their own words.
      if (secret.endsWith('MacKey')) readKeyFile(file);
      else readSecretFile(file, 'made');
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  return [...exposed.values(), ...unusable];
}

/** Every file and folder below `dir` that others can read or enter, or may put a file of theirs into, with what mends it. */
async function openPaths(dir: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const us = process.getuid?.();
  const entries = (await readdir(dir, { withFileTypes: true, recursive: true }).catch(notThere)) ?? [];
  for (const full of entries.map((entry) => path.join(entry.parentPath, entry.name)).toSorted()) {
    const info = await stat(full).catch(notThere);
    if (info === undefined) continue;
    if (us !== undefined && info.isDirectory() && !isOurs(info.uid, us)) {
      found.set(full, `The folder ${full} belongs to user id ${info.uid}, not to ${us}. Run: chown ${us} ${full}`);
    }
    if ((info.mode & 0o077) === 0) continue;
    found.set(
      full,
      info.isDirectory()
        ? `Others can enter the folder ${full}. Run: chmod 700 ${full}`
        : `Others can read the file ${full}. Run: chmod 600 ${full}`,
    );
  }
  return found;
}

/** Nothing was made yet, or another setup at the same time took its temporary files away. */
function notThere(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

/**
 * `signers.json` if it is missing, with nobody in it: until the operator writes an owner into it, every run is a dry run.
 */
export async function ensureSignersFile({ dir }: { readonly dir: string }): Promise<void> {
  await writeOnce(path.join(dir, SIGNERS_FILE), '{}\n');
}

/**
 * Writes a file that only its owner can read, unless it is there. It appears under its name when it is complete, so another
 * start at the same time reads all of it or makes its own and loses. Returns whether it was written.
 */
export async function writeOnce(file: string, text: string): Promise<boolean> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const own = `${file}.${randomUUID()}.new`;
  await writeFile(own, text, { mode: 0o600 });
  try {
    await link(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Writes a file that only its owner can read. At any moment there is the old one or the new one, a crash included. */
export async function replaceFile(file: string, text: string | Uint8Array): Promise<void> {
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const own = `${file}.${randomUUID()}.new`;
  try {
    const handle = await open(own, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(own, file);
  } finally {
    await rm(own, { force: true });
  }
  const directory = await open(folder, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
