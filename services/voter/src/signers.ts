/**
 * `signers.json`: the floor of what may be signed. Redis can inform, this file decides: for each owner the voter address, what
 * signs, in which spaces, how often a day.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { QuorumError } from '@quorum/shared/errors';
import { OwnerId } from '@quorum/shared/ids';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { loadSigner, type KeySource } from './signer-key.ts';
import type { Signer } from './signer.ts';

const Entry = z
  .strictObject({
    voter: Address.describe('The address that votes'),
    kind: z
      .enum(['alias', 'own_key'])
      .describe('alias: a key that the voter lets sign on Snapshot; own_key: the voter’s own'),
    key_file: z.string().optional().describe('A plain key, 64 hex digits; with the sandbox only'),
    keystore_file: z.string().optional().describe('An encrypted keystore, version 3'),
    passphrase_file: z.string().optional().describe('The passphrase of the keystore'),
    allowed_spaces: z.array(SpaceId).min(1).describe('Where it may vote'),
    votes_per_day: z.int().min(1).max(10_000).default(50).describe('Votes per UTC day, at most'),
  })
  .describe('Paths are relative to the folder of this file');

const SignersFile = z.record(OwnerId, Entry);

/** One owner's licence to vote. */
export type Licence = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly kind: 'alias' | 'own_key';
  readonly allowedSpaces: readonly SpaceId[];
  readonly votesPerDay: number;
  readonly signer: Signer;
};

export type SignersOptions = { readonly live: boolean; readonly allowMainKey: boolean };

/**
 * Reads `signers.json` and loads every signer in it. Throws a `signing` error that says what to mend; no vote is signed by a
 * file that is only half right.
 */
export async function loadLicences(file: string, options: SignersOptions): Promise<ReadonlyMap<OwnerId, Licence>> {
  const refuse = (why: string): never => {
    throw new QuorumError('signing', `${file}: ${why}`);
  };
  const parsed = SignersFile.safeParse(readJson(file));
  if (!parsed.success) return refuse(`does not fit.\n${z.prettifyError(parsed.error)}`);
  const licences = new Map<OwnerId, Licence>();
  const claimed = new Map<string, OwnerId>();
  for (const [name, entry] of Object.entries(parsed.data)) {
    const owner = OwnerId.parse(name);
    for (const space of entry.allowed_spaces) {
      const other = claimed.get(`${entry.voter} ${space}`);
      if (other !== undefined) {
        refuse(`${owner} and ${other} both vote as ${entry.voter} in ${space}. One owner per voter address and space.`);
      }
      claimed.set(`${entry.voter} ${space}`, owner);
    }
    if (entry.kind === 'own_key' && !options.allowMainKey) {
      refuse(`${owner} signs with the voter's own key. Use an alias, or set ALLOW_MAIN_KEY=1 to accept the risk.`);
    }
    const signer = await loadSigner(keySource(entry, dirname(file), owner, refuse), options.live);
    if ((signer.address === entry.voter) !== (entry.kind === 'own_key')) {
      refuse(
        `${owner}: the key is that of ${signer.address}, which does not fit kind ${entry.kind} and voter ${entry.voter}.`,
      );
    }
    const { voter, kind, allowed_spaces: allowedSpaces, votes_per_day: votesPerDay } = entry;
    licences.set(owner, { owner, voter, kind, allowedSpaces, votesPerDay, signer });
  }
  return licences;
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    // What JSON.parse throws quotes what it read, and where SIGNERS_FILE names another file that is a secret.
    const why = cause instanceof SyntaxError ? {} : { cause };
    throw new QuorumError('signing', `${file} cannot be read as JSON. Run 'npm run setup', or mend it.`, why);
  }
}

function keySource(
  entry: z.infer<typeof Entry>,
  folder: string,
  owner: OwnerId,
  refuse: (why: string) => never,
): KeySource {
  const { key_file: key, keystore_file: keystore, passphrase_file: passphrase } = entry;
  if (key !== undefined && keystore === undefined && passphrase === undefined) {
    return { kind: 'plain', file: resolve(folder, key) };
  }
  if (key === undefined && keystore !== undefined && passphrase !== undefined) {
    return { kind: 'keystore', file: resolve(folder, keystore), passphraseFile: resolve(folder, passphrase) };
  }
  return refuse(`${owner} needs either key_file, or keystore_file and passphrase_file.`);
}
