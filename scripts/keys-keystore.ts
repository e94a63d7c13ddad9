/**
 * `npm run keys -- keystore`: a signer for an owner. A new alias key, or the owner's own from a file, is encrypted under a random
 * passphrase; keystore and passphrase go to folders that can be mounted apart; the owner is added to `signers.json`.
 */
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { OwnerId } from '@quorum/shared/ids';
import { readSecretFile } from '@quorum/shared/secret-file';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { useNativeScrypt } from '@quorum/voter/native-scrypt';
import { entriesOf, readSignersFile, type SignersFile } from '@quorum/voter/signer-entry';
import { loadLicence } from '@quorum/voter/signers';
import { SignerKind, VotesPerDay } from '@quorum/voter/signers-config';
import { Wallet } from 'ethers';
import { z } from 'zod';
import { withLock } from './lock.mjs';
import { OperatorError, type Operator } from './operator.ts';
import { pathOf } from './root.ts';
import { ensureSignersFile, PASSPHRASES, replaceFile, SIGNERS_FILE, writeOnce } from './secrets.ts';
import { parseUsage, wrongUsage, type Subcommand } from './subcommand.ts';

const USAGE =
  'keystore --owner OWNER --voter 0x… --space SPACE.eth [--space …] [--votes-per-day N] [--kind alias|own_key --key-file FILE]';
const PASSPHRASE_BYTES = 32;

const Wanted = z.object({
  owner: OwnerId,
  voter: Address,
  space: z.array(SpaceId).min(1),
  kind: SignerKind.default('alias'),
  'votes-per-day': z.coerce.number().pipe(VotesPerDay).default(50),
  'key-file': z.string().optional(),
});
type Wanted = z.infer<typeof Wanted>;

export const makeKeystore: Subcommand = {
  usage: USAGE,
  does: 'makes an encrypted alias key for an owner and lets it vote in these spaces',
  async run(operator, args) {
    const wanted = parseWanted(args);
    const file = path.join(operator.secrets, SIGNERS_FILE);
    await ensureSignersFile({ dir: operator.secrets });
    const say = (line: string): void => void process.stderr.write(`${line}\n`);
    const { address, keystore, passphrase } = await withLock(`${file}.lock`, say, () =>
      addSigner(wanted, file, operator),
    );
    const { owner, voter, space, kind } = wanted;
    const next =
      kind === 'alias'
        ? `${voter} must let it vote: npm run keys -- alias --owner ${owner}`
        : `Set ALLOW_MAIN_KEY=1, and remove ${wanted['key-file'] ?? ''}: the keystore has the key now.`;
    process.stdout.write(
      [
        `✓ ${owner} votes as ${voter} in ${space.join(', ')}, at most ${wanted['votes-per-day']} times a day.`,
        `  ${kind === 'alias' ? 'Alias     ' : 'Own key   '}  ${address}`,
        `  Keystore    ${keystore}`,
        `  Passphrase  ${passphrase}`,
        `→ ${next}`,
        '→ Then restart the voter service: it reads signers.json when it starts.',
        '',
      ].join('\n'),
    );
  },
};

function parseWanted(args: readonly string[]): Wanted {
  const text = { type: 'string' } as const;
  const { values } = parseUsage(USAGE, args, {
    options: {
      owner: text,
      voter: text,
      space: { type: 'string', multiple: true },
      kind: text,
      'votes-per-day': text,
      'key-file': text,
    },
  });
  const parsed = Wanted.safeParse(values);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrongUsage(USAGE, `--${issue?.path.join(' ') ?? ''}: ${issue?.message ?? ''}`);
  }
  const { kind, 'key-file': keyFile } = parsed.data;
  if ((kind === 'own_key') !== (keyFile !== undefined)) {
    throw wrongUsage(
      USAGE,
      kind === 'own_key'
        ? 'An own key is read from a file that only you can read (64 hex digits), never from the command line: give its --key-file.'
        : '--key-file is for --kind own_key: an alias gets a new key.',
    );
  }
  return parsed.data;
}

type Made = { readonly address: string; readonly keystore: string; readonly passphrase: string };

async function addSigner(wanted: Wanted, file: string, { secrets, live }: Operator): Promise<Made> {
  const { owner, voter, kind } = wanted;
  const read = readSignersFile(file);
  entriesOf(read, file);
  const present = z.record(z.string(), z.unknown()).parse(read);
  if (Object.hasOwn(present, owner)) {
    throw new OperatorError(
      `${owner} is in ${file} already, and a signer is never overwritten.\n→ Take ${owner} out of it first; the old keystore stays where it is.`,
    );
  }
  const wallet = kind === 'alias' ? new Wallet(Wallet.createRandom().privateKey) : ownKey(wanted);
  const name = `${owner}-${wallet.address}`;
  const keystore = path.join(path.dirname(file), `keystore-${name}.json`);
  const passphraseFile = path.join(secrets, PASSPHRASES, name);
  const entry: SignersFile[string] = {
    voter,
    kind,
    keystore_file: path.basename(keystore),
    passphrase_file: path.relative(path.dirname(file), passphraseFile),
    allowed_spaces: wanted.space,
    votes_per_day: wanted['votes-per-day'],
  };
  const all = { ...present, [owner]: entry };
  // Before any key is written: another owner may have this vote.
  const added = entriesOf(all, file).find((one) => one.owner === owner);
  if (added === undefined) throw new OperatorError(`${owner} could not be added to ${file}.`);

  const passphrase = randomBytes(PASSPHRASE_BYTES).toString('hex');
  useNativeScrypt();
  const encrypted = await wallet.encrypt(passphrase);
  for (const [target, text] of [
    [keystore, encrypted],
    [passphraseFile, passphrase],
  ] as const) {
    if (!(await writeOnce(target, `${text}\n`))) {
      throw new OperatorError(`${target} is there already, and is never overwritten.\n→ Move it away, and try again.`);
    }
  }
  // Opened as the voter service will, before anybody relies on it.
  await loadLicence(added, { live, allowMainKey: true });
  await replaceFile(file, `${JSON.stringify(all, null, 2)}\n`);
  return { address: wallet.address, keystore, passphrase: passphraseFile };
}

function ownKey({ voter, 'key-file': given = '' }: Wanted): Wallet {
  const file = pathOf(given);
  const text = readSecretFile(file).replace(/^0x/, '');
  const wallet = /^[0-9a-fA-F]{64}$/.test(text) ? walletOf(text) : null;
  if (wallet === null) throw new OperatorError(`${file} does not hold a private key.\n→ It must be 64 hex digits.`);
  if (wallet.address === voter) return wallet;
  throw new OperatorError(`The key in ${file} is that of ${wallet.address}, not of ${voter}.\n→ Mend --voter.`);
}

function walletOf(digits: string): Wallet | null {
  try {
    return new Wallet(`0x${digits}`);
  } catch {
    return null; // what is thrown may quote the key
  }
}
