/**
 * `npm run keys -- alias`: lets an owner's alias vote for their main wallet. It prints the message for that wallet to sign,
 * wherever it is, and hands the signature to Snapshot. The main key never comes near Quorum.
 *
 * The messages that were printed are remembered, since a signature is of one of them to the letter.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseConfig } from '@quorum/shared/config';
import type { OwnerId } from '@quorum/shared/ids';
import { readTrustedFile } from '@quorum/shared/secret-file';
import { assembleAliasEnvelope, buildAlias, type UnsignedAlias } from '@quorum/snapshot/envelope';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { Address } from '@quorum/snapshot/proposal';
import { createSequencer, type SubmitResult } from '@quorum/snapshot/sequencer';
import { VoterConfig } from '@quorum/voter/config';
import { readSignerEntries } from '@quorum/voter/signer-entry';
import { loadLicence, type Licence } from '@quorum/voter/signers';
import { Signature, verifyTypedData } from 'ethers';
import { z } from 'zod';
import { OperatorError, type Operator } from './operator.ts';
import { signersConfigOf, snapshotOf } from './operator-signers.ts';
import { replaceFile, SIGNERS_FILE } from './secrets.ts';
import { parseOwner, parseUsage, type Subcommand } from './subcommand.ts';

const USAGE = 'alias --owner OWNER [--signature 0x…]';
const TIMEOUT_MS = 10_000;
const READ_BACK_TRIES = 5;
const READ_BACK_EVERY_MS = 1_000;
const DAY_S = 24 * 60 * 60;
/** The sequencer takes messages dated up to six days back; a minute less, for the way there. */
const SENDABLE_FOR_S = 6 * DAY_S - 60;

/** What the wallet is asked to sign must say its domain's fields too, which ethers leaves out. */
const DOMAIN_TYPE = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
];

const Remembered = z.object({ voter: Address, alias: Address, timestamps: z.array(z.int()) });
type Remembered = z.infer<typeof Remembered>;

export const signAlias: Subcommand = {
  usage: USAGE,
  does: "prints the message by which a main wallet lets the owner's alias vote; with its signature, submits it",
  async run(operator, args) {
    const text = { type: 'string' } as const;
    const { values } = parseUsage(USAGE, args, { options: { owner: text, signature: text } });
    const licence = await licenceOf(parseOwner(USAGE, values.owner), operator);
    const { signature } = values;
    await (signature === undefined ? printMessage(licence, operator) : submit(licence, signature, operator));
  },
};

/** The owner's licence, its key opened: an address that a keystore merely states must not be made an alias. */
async function licenceOf(owner: OwnerId, operator: Operator): Promise<Licence> {
  const entry = readSignerEntries(signersConfigOf(operator)).find((one) => one.owner === owner);
  if (entry === undefined) {
    throw new OperatorError(
      `${owner} has no signer.\n→ Make one: npm run keys -- keystore --owner ${owner} --voter 0x… --space SPACE.eth`,
    );
  }
  if (entry.kind === 'own_key') throw new OperatorError(`${owner} signs with the voter's own key: there is no alias.`);
  return await loadLicence(entry, { live: operator.live, allowMainKey: false });
}

async function printMessage(licence: Licence, operator: Operator): Promise<void> {
  const { owner, voter, signer } = licence;
  const timestamp = Math.floor(Date.now() / 1_000);
  const { domain, types, message } = buildAlias({ from: voter, alias: signer.address, timestamp });
  const known = sendable(await recall(licence, operator));
  await remember({ voter, alias: signer.address, timestamps: [...new Set([timestamp, ...known])] }, owner, operator);
  const typedData = { domain, types: { EIP712Domain: DOMAIN_TYPE, ...types }, primaryType: 'Alias', message };
  process.stdout.write(`${JSON.stringify(typedData, null, 2)}\n`);
  process.stderr.write(
    [
      `↑ Sign this as ${voter} within six days: eth_signTypedData_v4 in a wallet, or`,
      `    npm run -s keys -- alias --owner ${owner} > alias.json && cast wallet sign --data --from-file alias.json`,
      `  It lets ${signer.address} vote for ${voter} on Snapshot until it expires; it cannot be taken back before.`,
      `→ Then: npm run keys -- alias --owner ${owner} --signature 0x…`,
      '',
    ].join('\n'),
  );
}

async function submit(licence: Licence, given: string, operator: Operator): Promise<void> {
  const { owner, voter, signer } = licence;
  const known = sendable(await recall(licence, operator));
  const anew = `→ Print the message anew and sign it: npm run keys -- alias --owner ${owner}`;
  if (known.length === 0) throw new OperatorError(`No message of the last six days waits for a signature.\n${anew}`);
  const signature = parseSignature(given);
  if (signature === null) {
    throw new OperatorError('This is no signature.\n→ It is 0x and 130 hex digits, as the wallet gives it.');
  }
  const signed = known
    .map((timestamp) => buildAlias({ from: voter, alias: signer.address, timestamp }))
    .find((unsigned) => signerOf(unsigned, signature) === voter);
  if (signed === undefined) {
    throw new OperatorError(
      `This is not the signature of ${voter} under a message that was printed here in the last six days. A contract wallet (a Safe) cannot sign it.\n${anew}`,
    );
  }
  const urls = await snapshotOf(operator);
  const sequencer = createSequencer({ url: urls.sequencer, timeoutMs: TIMEOUT_MS });
  const answer = await sequencer.submit(assembleAliasEnvelope(voter, signature, signed));
  const hub = createHub({
    url: urls.hub,
    apiKey: operator.env['SNAPSHOT_API_KEY'] || undefined,
    timeoutMs: TIMEOUT_MS,
  });
  // What the hub says counts: sent a second time, the message is refused as a duplicate and all is well.
  const created = await readBack(hub, signed);
  if (created === null) {
    throw new OperatorError(
      `The hub does not show the alias: ${saidBy(answer)}\n→ Try again with the same signature; npm run doctor looks at hub and sequencer.`,
    );
  }
  const until = new Date((created + aliasValidS(operator)) * 1_000).toISOString();
  process.stdout.write(`✓ ${signer.address} votes for ${voter} until ${until}.\n`);
}

/** When the alias was last signed, by the hub, once that is this message or a later one. */
async function readBack(hub: Hub, { message }: UnsignedAlias): Promise<number | null> {
  const pair = { address: Address.parse(message.from), alias: Address.parse(message.alias) };
  for (let tries = 1; tries <= READ_BACK_TRIES; tries += 1) {
    if (tries > 1) await pause(READ_BACK_EVERY_MS);
    const alias = await hub.alias(pair);
    if (alias !== null && alias.created >= message.timestamp) return alias.created;
  }
  return null;
}

function saidBy(answer: SubmitResult): string {
  if (answer.kind === 'accepted') return 'the sequencer took it, but it cannot be read back yet.';
  if (answer.kind === 'unknown') return `the sequencer ${answer.why}.`;
  return `the sequencer refused it: ${answer.refusal.description}.`;
}

function aliasValidS({ env }: Operator): number {
  const schema = z.object({ ALIAS_VALID_DAYS: VoterConfig.shape.ALIAS_VALID_DAYS });
  return parseConfig(schema, env).ALIAS_VALID_DAYS * DAY_S;
}

/** In the form that the sequencer takes; hardware wallets count the last byte from 0. */
function parseSignature(text: string): string | null {
  try {
    return Signature.from(text).serialized;
  } catch {
    return null; // ethers throws in several ways on what is none
  }
}

function signerOf({ domain, types, message }: UnsignedAlias, signature: string): string | null {
  try {
    return verifyTypedData(domain, types, { ...message }, signature);
  } catch {
    return null; // a signature that recovers to nobody
  }
}

const fileOf = (owner: OwnerId, { secrets }: Operator): string =>
  path.join(secrets, path.dirname(SIGNERS_FILE), `alias-messages-${owner}.json`);

/** When the messages for this voter and alias were printed, newest first. */
async function recall({ owner, voter, signer }: Licence, operator: Operator): Promise<readonly number[]> {
  const file = fileOf(owner, operator);
  const isThere = await readFile(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return [];
  const known = Remembered.parse(JSON.parse(readTrustedFile(file)));
  return known.voter === voter && known.alias === signer.address ? known.timestamps : [];
}

async function remember(messages: Remembered, owner: OwnerId, operator: Operator): Promise<void> {
  await replaceFile(fileOf(owner, operator), JSON.stringify(messages));
}

function sendable(timestamps: readonly number[]): readonly number[] {
  const nowS = Date.now() / 1_000;
  return timestamps.filter((timestamp) => nowS - timestamp < SENDABLE_FOR_S);
}
