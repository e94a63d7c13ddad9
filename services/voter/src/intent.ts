/**
 * The intent: the vote that was reserved, as it is kept in the ledger. It is the *unsigned* message: nothing in Redis is worth
 * stealing, and since a signature over the same message by the same key is always the same, a crash leads to the same bytes.
 * A code under the voter service's own key shows that nobody altered it.
 */
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

/** A reserved vote: the message to sign, and the ballot that it encodes. */
export const Intent = z.strictObject({ message: Message, ballot: Ballot });
export type Intent = z.infer<typeof Intent>;

const Stored = z.strictObject({ intent: Intent, mac: z.string() });

const INTENT_PURPOSE = 'quorum intent v1';
const METADATA_PURPOSE = 'quorum vote v1';

/** The text that the ledger keeps. */
export function sealIntent(intent: Intent, key: Buffer): string {
  return JSON.stringify({ intent, mac: macOf(INTENT_PURPOSE, intent, key) });
}

/** The intent that the ledger kept, or null where it is not what we stored. */
export function openIntent(text: string, key: Buffer): Intent | null {
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
    return macIsGood(INTENT_PURPOSE, intent, key, mac) ? intent : null;
  } catch (error) {
    // Text that is not well-formed has no canonical form: we have not sealed it.
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** The vote of an intent as it is signed. */
export function unsignedOf(intent: Intent, proposal: Proposal): UnsignedVote {
  return { domain: SNAPSHOT_DOMAIN, types: voteTypes(proposal.type), message: intent.message };
}

/** The id that the sequencer will give the vote of an intent. */
export function intentVoteId(intent: Intent, proposal: Proposal): string {
  return voteId(proposal.type, intent.message);
}

/** What a vote's metadata says in public, and what ties its code to this one vote. */
export type VoteMark = {
  readonly voter: Address;
  readonly space: string;
  readonly proposal: string;
  readonly evidence: string;
  readonly castAtMs: number;
};

/** The public metadata of a vote: made by an agent, on this evidence, at this true time, and known again by its code. */
export function voteMetadata(mark: VoteMark, key: Buffer): Readonly<Record<string, unknown>> {
  return {
    agent: true,
    evidence: mark.evidence,
    cast_at: new Date(mark.castAtMs).toISOString(),
    mac: macOf(METADATA_PURPOSE, mark, key),
  };
}

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

// Anything may stand in the metadata of a vote that is not ours: half a surrogate pair, too, which has no canonical JSON.
const PublicMetadata = z.object({
  agent: z.literal(true),
  evidence: Sha256,
  cast_at: z.iso.datetime(),
  mac: Sha256,
});

/** Whether a vote on the hub is ours: its metadata carries our code for this very voter, space and proposal. */
export function isOurVote(
  metadata: unknown,
  where: Pick<VoteMark, 'voter' | 'space' | 'proposal'>,
  key: Buffer,
): boolean {
  const parsed = PublicMetadata.safeParse(metadata);
  if (!parsed.success) return false;
  const { evidence, cast_at: castAt, mac } = parsed.data;
  const { voter, space, proposal } = where;
  return macIsGood(METADATA_PURPOSE, { voter, space, proposal, evidence, castAtMs: Date.parse(castAt) }, key, mac);
}
