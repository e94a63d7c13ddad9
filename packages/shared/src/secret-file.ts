/** Secrets come from files, never from the environment, and only from files that nobody else can read or has put there. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { QuorumError } from './errors.ts';

/** What others may do with a file of ours: of a secret nothing; of what is trusted (who may vote with what) they may read it. */
const FORBIDDEN = {
  secret: { bits: 0o077, others: 'Others can read', remedy: 'chmod 600' },
  trusted: { bits: 0o022, others: 'Others can write', remedy: 'chmod go-w' },
} as const;
type FileKind = keyof typeof FORBIDDEN;

/** Whether 'npm run setup' makes it where it is missing. */
type Origin = 'made' | 'given';

/** A new one is worth less than the one that it stands in for, so that comes last. `before`: what must be done before. */
function putBack(origin: Origin, before = ''): string {
  const anew = ` Only if it is lost for good: ${before}'npm run setup' makes another (docs/operations/secrets.md).`;
  return `Put it back from where you keep it.${origin === 'made' ? anew : ''}`;
}

/**
 * The text of a secret file, without white space at its ends. Throws a `signing` error that says what to do where the file is
 * missing, empty, readable by others or another user's.
 */
export function readSecretFile(path: string, origin: Origin = 'given'): string {
  const text = readOwnFile(path, 'secret', origin).trim();
  if (text === '') {
    throw new QuorumError('signing', `The secret file ${path} is empty. ${putBack(origin, 'remove it, and ')}`);
  }
  return text;
}

/** The text of a file that decides what may be done. Throws a `signing` error as above; others may read it, not write it. */
export function readTrustedFile(path: string): string {
  return readOwnFile(path, 'trusted', 'given');
}

function readOwnFile(path: string, kind: FileKind, origin: Origin): string {
  const { bits, others, remedy } = FORBIDDEN[kind];
  let file: { readonly mode: number; readonly uid: number; readonly text: string };
  try {
    // What is looked at is what is read, whatever takes the file's name meanwhile.
    const descriptor = openSync(path, 'r');
    try {
      const { mode, uid } = fstatSync(descriptor);
      file = { mode, uid, text: readFileSync(descriptor, 'utf8') };
    } finally {
      closeSync(descriptor);
    }
  } catch (cause) {
    throw new QuorumError('signing', `The ${kind} file ${path} cannot be read: ${whyOf(cause, origin)}`, { cause });
  }
  const us = process.getuid?.();
  if (us !== undefined && !isOurs(file.uid, us)) {
    throw new QuorumError(
      'signing',
      `The ${kind} file ${path} belongs to user id ${file.uid}, not to ${us}, as whom this runs. Run: chown ${us} ${path}`,
    );
  }
  if ((file.mode & bits) !== 0) {
    throw new QuorumError('signing', `${others} the ${kind} file ${path}. Run: ${remedy} ${path}`);
  }
  return file.text;
}

/** What the system says, and what mends it. */
function whyOf(cause: unknown, origin: Origin): string {
  if (!(cause instanceof Error && 'errno' in cause && typeof cause.errno === 'number')) return String(cause);
  const says = getSystemErrorMessage(cause.errno);
  return 'code' in cause && cause.code === 'ENOENT'
    ? `${says}. Is that its path? ${putBack(origin)}`
    : `${says}. It must be a file that the user who runs this can read.`;
}

/** Whether what this user owns cannot be changed behind our back: it is we, or root, who can do anything anyway. */
export function isOurs(owner: number, us: number): boolean {
  return owner === us || owner === 0;
}

/** A 32-byte key from a file that holds 64 hex digits. */
export function readKeyFile(path: string, origin: Origin = 'made'): Buffer {
  const text = readSecretFile(path, origin);
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    const remedy = putBack(origin, 'remove it, and ');
    throw new QuorumError('signing', `The key file ${path} does not hold 64 hex digits. ${remedy}`);
  }
  return Buffer.from(text, 'hex');
}
