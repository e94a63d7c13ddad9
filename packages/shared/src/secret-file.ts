/** Secrets come from files, never from the environment, and only from files that nobody else can read. */
import { readFileSync, statSync } from 'node:fs';
import { QuorumError } from './errors.ts';

/**
 * The text of a secret file, without the final line break. Throws a `signing` error that says what to do where the file is
 * missing, empty or readable by others.
 */
export function readSecretFile(path: string): string {
  let mode: number;
  let text: string;
  try {
    mode = statSync(path).mode & 0o777;
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new QuorumError(
      'signing',
      `The secret file ${path} cannot be read. 'npm start' and 'npm run setup' make what is missing.`,
      {
        cause,
      },
    );
  }
  if ((mode & 0o077) !== 0) {
    throw new QuorumError('signing', `Others can read the secret file ${path}. Run: chmod 600 ${path}`);
  }
  if (text === '')
    throw new QuorumError(
      'signing',
      `The secret file ${path} is empty. Put the secret back; one that Quorum made can be removed, and the next start makes another.`,
    );
  return text;
}

/** A 32-byte key from a file that holds 64 hex digits. */
export function readKeyFile(path: string): Buffer {
  const text = readSecretFile(path);
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new QuorumError(
      'signing',
      `The key file ${path} does not hold 64 hex digits. Put the key back; one that Quorum made can be removed, and the next start makes another.`,
    );
  }
  return Buffer.from(text, 'hex');
}
