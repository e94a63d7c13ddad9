/**
 * Who may vote with what, before any key is read: the entries of `signers.json`, and that of the single-owner variables. Redis
 * can inform, this decides: for each owner the voter address, what signs, in which spaces, how often a day.
 */
import { dirname, resolve } from 'node:path';
import { QuorumError } from '@quorum/shared/errors';
import { OwnerId } from '@quorum/shared/ids';
import { readObject, wordsOf } from '@quorum/shared/preferences-document';
import { readTrustedFile } from '@quorum/shared/secret-file';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { SignerKind, type SignersConfig, VotesPerDay } from './signers-config.ts';

const VOTES_PER_DAY = 50;

const FileEntry = z
  .strictObject({
    voter: Address.describe('The address that votes'),
    kind: SignerKind,
    key_file: z.string().optional().describe('A plain key, 64 hex digits; with the sandbox only'),
    keystore_file: z.string().optional().describe('An encrypted keystore, version 3'),
    passphrase_file: z.string().optional().describe('The passphrase of the keystore'),
    allowed_spaces: z.array(SpaceId).min(1).describe('Where it may vote'),
    votes_per_day: VotesPerDay.default(VOTES_PER_DAY),
  })
  .describe('Paths are relative to the folder of this file');

const SignersFile = z.record(OwnerId, FileEntry);
/** What `signers.json` holds, by owner. */
export type SignersFile = z.input<typeof SignersFile>;

/** Where a key is. */
export type KeySource =
  | { readonly kind: 'keystore'; readonly file: string; readonly passphraseFile: string }
  | { readonly kind: 'plain'; readonly file: string };

export type SignerEntry = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly kind: z.infer<typeof SignerKind>;
  readonly allowedSpaces: readonly SpaceId[];
  readonly votesPerDay: number;
  readonly key: KeySource;
  /** Where it is said, for error messages. */
  readonly from: string;
};

/** The single-owner variables, by what an entry needs of them. OWNER_ID is not among them: the gateway has it too. */
const REQUIRED = ['VOTER_ADDRESS', 'SIGNER_KEYSTORE_FILE', 'SIGNER_PASSPHRASE_FILE', 'ALLOWED_SPACES'] as const;
const OPTIONAL = ['SIGNER_KIND', 'VOTES_PER_DAY'] as const;
export const SINGLE_OWNER_VARIABLES = [...REQUIRED, ...OPTIONAL] as const;

/**
 * All entries: of `signers.json` and of the variables. Throws a `signing` error that says what to mend; no vote is signed by
 * what is only half right.
 */
export function readSignerEntries(config: SignersConfig): readonly SignerEntry[] {
  const file = config.SIGNERS_FILE;
  const fromFile = file === undefined ? [] : entriesOf(readSignersFile(file), file);
  const single = singleOwner(config);
  if (file === undefined && single === null) {
    throw refused(`Nobody may vote: set SIGNERS_FILE, or for a single owner ${REQUIRED.join(', ')}.`);
  }
  const twice = fromFile.find((entry) => entry.owner === single?.owner);
  if (twice !== undefined) {
    throw refused(
      `${twice.owner} is in ${twice.from} and in VOTER_ADDRESS and its companions too. Take ${twice.owner} out of the file, or unset ${namesSet(config).join(', ')}.`,
    );
  }
  const entries = single === null ? fromFile : [...fromFile, single];
  refuseSharedVotes(entries);
  return entries;
}

/** The entries of the JSON value of a `signers.json` that lies at `file`. Throws as above. */
export function entriesOf(json: unknown, file: string): readonly SignerEntry[] {
  const parsed = SignersFile.safeParse(json);
  if (!parsed.success) throw refused(`${file}: does not fit.\n${z.prettifyError(parsed.error)}`);
  const entries = Object.entries(parsed.data).map(([name, entry]): SignerEntry => {
    const owner = OwnerId.parse(name);
    const key = keySource(entry, dirname(file));
    if (key === null) {
      throw refused(`${file}: ${owner} needs either key_file, or keystore_file and passphrase_file.`);
    }
    const { voter, kind, votes_per_day: votesPerDay } = entry;
    return { owner, voter, kind, votesPerDay, key, allowedSpaces: [...new Set(entry.allowed_spaces)], from: file };
  });
  refuseSharedVotes(entries);
  return entries;
}

/** Two owners with one vote would each vote over the other. Addresses and spaces have one spelling each once they are parsed. */
function refuseSharedVotes(entries: readonly SignerEntry[]): void {
  const claimed = new Map<string, SignerEntry>();
  for (const entry of entries) {
    for (const space of entry.allowedSpaces) {
      const vote = `${entry.voter} ${space}`;
      const other = claimed.get(vote);
      if (other !== undefined) {
        throw refused(
          `${entry.from}: ${entry.owner} and ${other.owner} both vote as ${entry.voter} in ${space}. One owner per voter address and space.`,
        );
      }
      claimed.set(vote, entry);
    }
  }
}

function singleOwner(config: SignersConfig): SignerEntry | null {
  const set = namesSet(config);
  if (set.length === 0) return null;
  const [voter, keystore] = [config.VOTER_ADDRESS, config.SIGNER_KEYSTORE_FILE];
  const [passphrase, spaces] = [config.SIGNER_PASSPHRASE_FILE, config.ALLOWED_SPACES];
  if (voter === undefined || keystore === undefined || passphrase === undefined || spaces === undefined) {
    const missing = REQUIRED.filter((name) => config[name] === undefined);
    throw refused(`${set.join(', ')} without ${missing.join(', ')}: set all of them, or none.`);
  }
  return {
    owner: config.OWNER_ID,
    voter,
    kind: config.SIGNER_KIND ?? 'alias',
    allowedSpaces: [...new Set(spaces)],
    votesPerDay: config.VOTES_PER_DAY ?? VOTES_PER_DAY,
    key: { kind: 'keystore', file: resolve(keystore), passphraseFile: resolve(passphrase) },
    from: 'VOTER_ADDRESS',
  };
}

function namesSet(config: SignersConfig): readonly string[] {
  return SINGLE_OWNER_VARIABLES.filter((name) => config[name] !== undefined);
}

/**
 * The JSON value in a `signers.json`. Throws a `signing` error where it cannot be read, others could have written it, or a name
 * stands in it twice: JSON.parse would take the last, and which of both was meant nobody knows.
 */
export function readSignersFile(file: string): unknown {
  // Its issues are in words of ours. Those of JSON.parse quote what it read: where SIGNERS_FILE names another file, a secret.
  const read = readObject(Buffer.from(readTrustedFile(file)));
  if (read.kind === 'good') return read.document;
  throw refused(`${wordsOf(file, read.issues)}\nMend it, or remove it and run 'npm run setup'.`);
}

function keySource(entry: z.infer<typeof FileEntry>, folder: string): KeySource | null {
  const { key_file: key, keystore_file: keystore, passphrase_file: passphrase } = entry;
  if (key !== undefined && keystore === undefined && passphrase === undefined) {
    return { kind: 'plain', file: resolve(folder, key) };
  }
  if (key === undefined && keystore !== undefined && passphrase !== undefined) {
    return { kind: 'keystore', file: resolve(folder, keystore), passphraseFile: resolve(folder, passphrase) };
  }
  return null;
}

function refused(why: string): QuorumError {
  return new QuorumError('signing', why);
}
