/**
 * The secrets that Quorum makes for itself: one folder per service, so that each can be mounted where it is needed and nowhere
 * else. Files are 0600 in folders 0700; one that is there is never changed.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Where each secret is, below the secrets folder. The voter service, which checks the decider's codes, reads its key too. */
export const SECRETS = {
  redisPassword: 'redis/password',
  apiKey: 'gateway/api.key',
  gatewayMacKey: 'gateway/mac.key',
  deciderMacKey: 'decider/mac.key',
  voterMacKey: 'voter/mac.key',
} as const;

/** Who votes with which key. */
export const SIGNERS_FILE = 'voter/signers.json';

/** Folder of the passphrases of the voter service's keystores: apart from them, so that it can lie on another mount. */
export const PASSPHRASES = 'voter-passphrase';

const SECRET_BYTES = 32;

/** Makes every secret that is missing: 32 random bytes as 64 hex digits. Returns the files that it made. */
export async function ensureSecrets({ dir }: { readonly dir: string }): Promise<string[]> {
  const made: string[] = [];
  for (const name of Object.values(SECRETS)) {
    const file = path.join(dir, name);
    if (await writeOnce(file, randomBytes(SECRET_BYTES).toString('hex'))) made.push(file);
  }
  return made;
}

/**
 * `signers.json` if it is missing, with nobody in it: until the operator writes an owner into it, every run is a dry run.
 */
export async function ensureSignersFile({ dir }: { readonly dir: string }): Promise<void> {
  await writeOnce(path.join(dir, SIGNERS_FILE), '{}\n');
}

/**
 * The text of a secret file, without white space at the ends.
 * @throws Error if it is empty: as the password of a Redis that would mean none.
 */
export async function readSecret(file: string): Promise<string> {
  const text = (await readFile(file, 'utf8')).trim();
  if (text === '')
    throw new Error(`The secret file ${file} is empty.\n→ Remove it and start again: a new one is made.`);
  return text;
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
