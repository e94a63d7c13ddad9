/**
 * The EIP-712 type sets that the sequencer accepts: the SHA-256 of JSON.stringify(types), so the order of the fields, and
 * `name` before `type` in each, are part of the name. The table is `accepted-types.json`.
 */
import { createHash } from 'node:crypto';
import accepted from './accepted-types.json' with { type: 'json' };

export const VOTE_KINDS = ['vote', 'vote-array', 'vote-string'] as const;
export type VoteKind = (typeof VOTE_KINDS)[number];
export type MessageKind = keyof typeof accepted;

const KINDS: ReadonlyMap<string, MessageKind> = new Map(
  kinds().flatMap((kind) => accepted[kind].map((hash): [string, MessageKind] => [hash, kind])),
);

/** What kind of message these types describe; null where the sequencer does not know them. `EIP712Domain` must be gone already. */
export function kindOfTypes(types: unknown): MessageKind | null {
  const hash = createHash('sha256').update(JSON.stringify(types)).digest('hex');
  return KINDS.get(hash) ?? null;
}

export function isVote(kind: MessageKind): kind is VoteKind {
  return VOTE_KINDS.some((vote) => vote === kind);
}

function kinds(): MessageKind[] {
  const isKind = (name: string): name is MessageKind => Object.hasOwn(accepted, name);
  return Object.keys(accepted).filter(isKind);
}
