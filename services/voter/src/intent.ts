/**
 * The intent: the vote that was reserved, as it is kept in the ledger. It is the *unsigned* message: nothing in Redis is worth
 * stealing, and since a signature over the same message by the same key is always the same, a crash leads to the same bytes.
 * A code under the voter service's own key shows that nobody altered it.
 */
import { Sha256 } from '@quorum/shared/audit-entry';
import { macIsGood, macOf } from '@quorum/shared/canonical';
import { Ballot } from '@quorum/snapshot/ballot';
import { type UnsignedVote } from '@quorum/snapshot/envelope';
import { Address, type Proposal } from '@quorum/snapshot/proposal';
import { SNAPSHOT_DOMAIN, voteTypes, voteId } from '@quorum/snapshot/typed-data';
import { z } from 'zod';

const Message = z.strictObject({
  from: Address,
  space: z.string(),
  timestamp: z.int(),
  proposal: z.string(),
  choice: z.union([z.number(), z.array(z.number()), z.string()]),
  reason: z.string(),
  app: z.string(),
  metadata: z.string(),
});

/** A reserved vote: message, the ballot that it encodes, and the inputs of the decision behind it; null where the owner chose. */
export const Intent = z.strictObject({ message: Message, ballot: Ballot, inputs_hash: z.string().nullable() });
export type Intent = z.infer<typeof Intent>;

const Stored = z.strictObject({ intent: Intent, mac: z.string() });

const INTENT_PURPOSE = 'quorum intent v1';
const METADATA_PURPOSE = 'quorum vote v1';

/** The text that the ledger keeps. */
export function sealIntent(intent: Intent, key: Buffer): string {
  return JSON.stringify({ intent, mac: macOf(INTENT_PURPOSE, intent, key) });
}

/** The intent that the ledger kept, or null where it is not what we stored, with one of these keys. */
export function openIntent(text: string, ...sealedWith: readonly Buffer[]): Intent | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const stored = Stored.safeParse(value);
  if (!stored.success) return null;
  const { intent, mac } = stored.data;
  try {
    return sealedWith.some((key) => macIsGood(INTENT_PURPOSE, intent, key, mac)) ? intent : null;
  } catch (error) {
    // Text that is not well-formed has no canonical form: we have not sealed it.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** The vote of an intent as it is signed. */
export function unsignedOf(intent: Intent, proposal: Proposal): UnsignedVote {
  return { domain: SNAPSHOT_DOMAIN, types: voteTypes(proposal), message: intent.message };
}

/** The id that the sequencer will give the vote of an intent. */
export function intentVoteId(intent: Intent, proposal: Proposal): string {
  return voteId(proposal, intent.message);
}

/** By which every vote of ours names what made it. */
export const APP = 'quorum';

/** What a vote's metadata says in public, and what ties its code to this one vote. */
export type VoteMark = {
  readonly voter: Address;
  readonly space: string;
  readonly proposal: string;
  /** Null for a secret vote: the record of its decision must not be named before the reveal. */
  readonly evidence: string | null;
  /** Hash of the last record of the voter's audit chain when the vote was made. */
  readonly auditHead: string;
  readonly castAtMs: number;
};

/**
 * The public metadata of a vote: made by an agent, on this evidence if it may be named, at this true time, known again by its code.
 * With the head of the audit chain in it, a vote that was accepted keeps what the chain was, where nobody here can alter it.
 */
export function voteMetadata(mark: VoteMark, key: Buffer): Readonly<Record<string, unknown>> {
  return {
    agent: true,
    ...(mark.evidence === null ? {} : { evidence: mark.evidence }),
    audit_head: mark.auditHead,
    cast_at: new Date(mark.castAtMs).toISOString(),
    mac: macOf(METADATA_PURPOSE, mark, key),
  };
}

// Anything may stand in the metadata of a vote that is not ours: half a surrogate pair, too, which has no canonical JSON.
const PublicMetadata = z.object({
  agent: z.literal(true),
  evidence: Sha256.nullable().default(null),
  audit_head: Sha256,
  cast_at: z.iso.datetime(),
  mac: Sha256,
});

/** Metadata that carry our code: what they say, and the text that was signed. */
export type OurMetadata = { readonly mark: VoteMark; readonly text: string };

/** Whether a vote on the hub is ours: its metadata carries our code for this very voter, space and proposal. */
export function isOurVote(...asked: Parameters<typeof ourMetadata>): boolean {
  return ourMetadata(...asked) !== null;
}

/** The metadata of a vote on the hub, if it is ours. */
export function ourMetadata(
  metadata: unknown,
  where: Pick<VoteMark, 'voter' | 'space' | 'proposal'>,
  key: Buffer,
): OurMetadata | null {
  const parsed = PublicMetadata.safeParse(metadata);
  if (!parsed.success) return null;
  const { evidence, audit_head: auditHead, cast_at: castAt, mac } = parsed.data;
  const { voter, space, proposal } = where;
  const mark: VoteMark = { voter, space, proposal, evidence, auditHead, castAtMs: Date.parse(castAt) };
  if (!macIsGood(METADATA_PURPOSE, mark, key, mac)) return null;
  return { mark, text: JSON.stringify(voteMetadata(mark, key)) };
}

/** The evidence that an intent of ours names in public; null where it names none. */
export function evidenceOf({ message }: Intent): string | null {
  return PublicMetadata.parse(JSON.parse(message.metadata)).evidence;
}
