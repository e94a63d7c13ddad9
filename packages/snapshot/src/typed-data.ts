/**
 * The EIP-712 typed data that Snapshot accepts. The sequencer compares sha256(JSON.stringify(types)), so the order of the
 * fields, and `name` before `type` within each, is part of the protocol.
 */
import { TypedDataEncoder, type TypedDataField } from 'ethers/hash';
import { ballotKind } from './ballot.ts';
import type { Proposal } from './proposal.ts';

/** Snapshot's signing domain: no chain, no contract. */
export const SNAPSHOT_DOMAIN = { name: 'snapshot', version: '0.1.4' } as const;

/** How the `choice` of a signed vote is typed. */
export type ChoiceType = 'uint32' | 'uint32[]' | 'string';

const CHOICE_TYPES = {
  single: 'uint32',
  approval: 'uint32[]',
  ranking: 'uint32[]',
  weights: 'string',
} as const satisfies Record<ReturnType<typeof ballotKind>, ChoiceType>;

/** What of a proposal decides how a vote on it is typed. */
type VoteTerms = Readonly<Pick<Proposal, 'type' | 'privacy'>>;

/** The type of `choice` in the message of a vote on such a proposal. A ciphertext is text, whatever the voting type. */
function choiceType({ type, privacy }: VoteTerms): ChoiceType {
  return privacy === 'shutter' ? 'string' : CHOICE_TYPES[ballotKind(type)];
}

/** A `Vote` as it is signed; addresses checksummed, `timestamp` in seconds, `metadata` JSON text. */
export interface VoteMessage {
  readonly from: string;
  readonly space: string;
  readonly timestamp: number;
  readonly proposal: string;
  readonly choice: number | number[] | string;
  readonly reason: string;
  readonly app: string;
  readonly metadata: string;
}

// A type alias, since ethers asks for an index signature, which an interface does not have.
export type VoteTypes = { Vote: TypedDataField[] };

/** The type set of a vote whose choice is of this type, in the accepted order. */
export function voteTypesFor(choice: ChoiceType): VoteTypes {
  return {
    Vote: [
      { name: 'from', type: 'string' },
      { name: 'space', type: 'string' },
      { name: 'timestamp', type: 'uint64' },
      { name: 'proposal', type: 'string' },
      { name: 'choice', type: choice },
      { name: 'reason', type: 'string' },
      { name: 'app', type: 'string' },
      { name: 'metadata', type: 'string' },
    ],
  };
}

/** The type set of a vote on a proposal of this voting type, open or encrypted. */
export function voteTypes(terms: VoteTerms): VoteTypes {
  return voteTypesFor(choiceType(terms));
}

/** The message by which a main wallet lets an alias vote for it; `timestamp` in seconds. */
export interface AliasMessage {
  readonly from: string;
  readonly alias: string;
  readonly timestamp: number;
}

export type AliasTypes = { Alias: TypedDataField[] };

/** The type set of an alias message, in the accepted order. */
export const ALIAS_TYPES: AliasTypes = {
  Alias: [
    { name: 'from', type: 'address' },
    { name: 'alias', type: 'address' },
    { name: 'timestamp', type: 'uint64' },
  ],
};

/** The EIP-712 hash of a vote on such a proposal: the id that the sequencer gives it. 0x and 64 hex digits. */
export function voteId(terms: VoteTerms, message: VoteMessage): string {
  return TypedDataEncoder.hash(SNAPSHOT_DOMAIN, voteTypes(terms), message);
}

/** The EIP-712 hash of an alias message: the id that the sequencer gives it. */
export function aliasMessageId(message: AliasMessage): string {
  return TypedDataEncoder.hash(SNAPSHOT_DOMAIN, ALIAS_TYPES, message);
}
