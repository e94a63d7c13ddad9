/**
 * The envelope: a signed message with its typed data, as it goes to the sequencer. A signed envelope is a bearer vote: whoever
 * has its bytes can cast it, so treat one like a secret until it has been sent.
 *
 * `buildVote` and `buildAlias` make what is to be signed; `assembleEnvelope` and `assembleAliasEnvelope` put the signature to it.
 */
import { getAddress, isAddress } from 'ethers/address';
import { TypedDataEncoder, verifyTypedData } from 'ethers/hash';
import { z } from 'zod';
import type { Ballot } from './ballot.ts';
import { encodeBallot, messageChoice } from './encode.ts';
import type { Address, Proposal, SpaceId } from './proposal.ts';
import {
  ALIAS_TYPES,
  type AliasMessage,
  type AliasTypes,
  type ChoiceType,
  SNAPSHOT_DOMAIN,
  type VoteMessage,
  voteTypes,
  voteTypesFor,
  type VoteTypes,
} from './typed-data.ts';

/** The sequencer's limits, in characters: of reason and app in code points, of metadata in UTF-16 units. */
const MAX_REASON_CHARS = 5_000;
const MAX_APP_CHARS = 24;
const MAX_METADATA_CHARS = 2_000;

// An address inside signed data is text that was signed: it must be right already, and is never changed into shape.
const SignedAddress = z
  .string()
  .refine((value) => isAddress(value) && getAddress(value) === value, { error: 'is not a checksummed address' })
  .brand<'Address'>();

const Signature = z.string().regex(/^0x[0-9a-fA-F]*$/, { error: 'is not 0x-hex' });
const Domain = z.strictObject({ name: z.literal(SNAPSHOT_DOMAIN.name), version: z.literal(SNAPSHOT_DOMAIN.version) });
const Field = z.strictObject({ name: z.string(), type: z.string() });
const TimestampS = z.int().nonnegative().describe('Unix seconds; it, not the arrival, decides which vote is later');

const UINT32_MAX = 0xffff_ffff;
const Index = z.int().min(1).max(UINT32_MAX);

/** The message of a vote, as it stands in an envelope. */
export const SignedMessage = z.strictObject({
  from: SignedAddress.describe('The voter, whose voting power counts'),
  space: z.string().min(1),
  timestamp: TimestampS,
  proposal: z.string().min(1),
  choice: z.union([Index, z.array(Index), z.string()]),
  reason: z.string().refine((reason) => isAtMost(reason, MAX_REASON_CHARS), { error: 'is too long' }),
  app: z.string().refine((app) => isAtMost(app, MAX_APP_CHARS), { error: 'is too long' }),
  metadata: z.string().max(MAX_METADATA_CHARS).describe('JSON text of an object'),
});

export type SignedMessage = z.infer<typeof SignedMessage>;

/** A signed vote as the sequencer takes it; no other key at any level. */
export const Envelope = z
  .strictObject({
    address: SignedAddress.describe('Who signed: the voter, or an alias of the voter'),
    sig: Signature.describe('EIP-712 signature over the message'),
    data: z.strictObject({
      domain: Domain,
      types: z.strictObject({ Vote: z.array(Field) }),
      message: SignedMessage,
    }),
  })
  .refine(({ data }) => sameTypes(data.types, messageTypes(data.message)), {
    error: 'types are not those of a Snapshot vote with such a choice, in the accepted order',
  });
export type Envelope = z.infer<typeof Envelope>;

/** A signed alias message as the sequencer takes it. */
export const AliasEnvelope = z
  .strictObject({
    address: SignedAddress.describe('Who signed: the main wallet'),
    sig: Signature.describe('EIP-712 signature over the message'),
    data: z.strictObject({
      domain: Domain,
      types: z.strictObject({ Alias: z.array(Field) }),
      message: z.strictObject({ from: SignedAddress, alias: SignedAddress, timestamp: TimestampS }),
    }),
  })
  .refine(({ data }) => sameTypes(data.types, ALIAS_TYPES), { error: 'types are not those of a Snapshot alias' });
export type AliasEnvelope = z.infer<typeof AliasEnvelope>;

function choiceTypeOf(choice: VoteMessage['choice']): ChoiceType {
  if (typeof choice === 'number') return 'uint32';
  return typeof choice === 'string' ? 'string' : 'uint32[]';
}

/** The type set that a message was signed with: its choice alone decides it, whatever the proposal was. */
function messageTypes({ choice }: Pick<VoteMessage, 'choice'>): VoteTypes {
  return voteTypesFor(choiceTypeOf(choice));
}

/** The unsigned vote that a message is of, for who has the message and not the proposal. */
export function voteOfMessage(message: VoteMessage): UnsignedVote {
  return { domain: SNAPSHOT_DOMAIN, types: messageTypes(message), message };
}

// The sequencer hashes the JSON text, so the text is what must be equal.
function sameTypes(a: VoteTypes | AliasTypes, b: VoteTypes | AliasTypes): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The EIP-712 hash of what an envelope carries: the id that the sequencer must give it. 0x and 64 hex digits. */
export function envelopeId({ data }: Envelope | AliasEnvelope): string {
  return TypedDataEncoder.hash(data.domain, { ...data.types }, data.message);
}

/** The id that the sequencer gives a vote with this message: 0x and 64 hex digits. */
export function messageId(message: VoteMessage): string {
  return TypedDataEncoder.hash(SNAPSHOT_DOMAIN, messageTypes(message), message);
}

/** Whether the signature of an envelope is that of the address which it names. */
export function isSignedByItsAddress({ address, sig, data }: Envelope): boolean {
  try {
    return verifyTypedData(data.domain, { ...data.types }, data.message, sig) === address;
  } catch {
    // ethers throws in several ways on bytes that are no signature.
    return false;
  }
}

/** A vote that is about to be signed. */
export interface VoteDraft {
  readonly voter: Address;
  /** The space that the vote is meant for; must be the proposal's. */
  readonly space: SpaceId;
  readonly proposal: Proposal;
  readonly ballot: Ballot;
  /** The ballot's choice as ciphertext (`sealChoice`): on a Shutter proposal, and on no other. */
  readonly sealedChoice?: string | undefined;
  /** Empty on a Shutter proposal. */
  readonly reason: string;
  readonly app: string;
  /** Must be JSON. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Unix seconds. */
  readonly timestamp: number;
}

export interface UnsignedVote {
  readonly domain: typeof SNAPSHOT_DOMAIN;
  readonly types: VoteTypes;
  readonly message: VoteMessage;
}

export interface UnsignedAlias {
  readonly domain: typeof SNAPSHOT_DOMAIN;
  readonly types: AliasTypes;
  readonly message: AliasMessage;
}

type DraftErrorCode = 'wrong_space' | 'not_sealed' | 'open_proposal' | 'secret_reason' | 'too_long' | 'bad_timestamp';

/** A draft that must not be signed. */
export class DraftError extends Error {
  override readonly name = 'DraftError';
  readonly code: DraftErrorCode;

  constructor(code: DraftErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * What is to be signed for a vote on an open proposal.
 * @throws BallotError where the ballot does not fit the proposal; DraftError where the draft contradicts itself or breaks one
 *   of the sequencer's limits. On a Shutter proposal nothing is published in the clear: neither the choice nor a reason.
 */
export function buildVote(draft: VoteDraft): UnsignedVote {
  const { voter, space, proposal, reason, app, timestamp } = draft;
  if (space !== proposal.space) throw new DraftError('wrong_space', 'the proposal belongs to another space');
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) {
    throw new DraftError('bad_timestamp', 'the timestamp is not a whole number of seconds');
  }
  const metadata = JSON.stringify(draft.metadata);
  if (!isAtMost(reason, MAX_REASON_CHARS)) throw tooLong('reason', MAX_REASON_CHARS);
  if (!isAtMost(app, MAX_APP_CHARS)) throw tooLong('app', MAX_APP_CHARS);
  if (metadata.length > MAX_METADATA_CHARS) throw tooLong('metadata', MAX_METADATA_CHARS);
  const choice = choiceOf(draft);
  return {
    domain: SNAPSHOT_DOMAIN,
    types: voteTypes(proposal),
    message: { from: voter, space, timestamp, proposal: proposal.id, choice, reason, app, metadata },
  };
}

/** The choice as it goes into the message. The ballot is proven against the proposal either way. */
function choiceOf({ proposal, ballot, sealedChoice, reason }: VoteDraft): VoteMessage['choice'] {
  const open = messageChoice(encodeBallot(ballot, proposal), proposal.type);
  if (proposal.privacy === '') {
    if (sealedChoice !== undefined) throw new DraftError('open_proposal', 'an encrypted choice would not be counted');
    return open;
  }
  if (sealedChoice === undefined) throw new DraftError('not_sealed', 'the choice would have to be encrypted');
  if (reason !== '') throw new DraftError('secret_reason', 'a secret vote takes no reason');
  return sealedChoice;
}

/** A reason as it can be published: what is over the limit is cut off its end, between two characters. */
export function fitReason(reason: string): string {
  return isAtMost(reason, MAX_REASON_CHARS) ? reason : Array.from(reason).slice(0, MAX_REASON_CHARS).join('');
}

/** Measured as the sequencer does: in code points, of which a UTF-16 text has at most as many as units. */
function isAtMost(text: string, max: number): boolean {
  return text.length <= max || Array.from(text).length <= max;
}

function tooLong(field: string, max: number): DraftError {
  return new DraftError('too_long', `${field} is longer than ${max} characters`);
}

/**
 * The envelope of a signed vote.
 * @param address who signed: the voter or its alias.
 * @throws ZodError where the parts make no valid envelope.
 */
export function assembleEnvelope(address: Address, sig: string, unsigned: UnsignedVote): Envelope {
  const { domain, types, message } = unsigned;
  return Envelope.parse({ address, sig, data: { domain, types, message } });
}

/** What the main wallet `from` signs to let `alias` vote for it; `timestamp` in Unix seconds. */
export function buildAlias({
  from,
  alias,
  timestamp,
}: {
  from: Address;
  alias: Address;
  timestamp: number;
}): UnsignedAlias {
  return { domain: SNAPSHOT_DOMAIN, types: ALIAS_TYPES, message: { from, alias, timestamp } };
}

/** The envelope of a signed alias message; `address` is the main wallet. */
export function assembleAliasEnvelope(address: Address, sig: string, unsigned: UnsignedAlias): AliasEnvelope {
  const { domain, types, message } = unsigned;
  return AliasEnvelope.parse({ address, sig, data: { domain, types, message } });
}
