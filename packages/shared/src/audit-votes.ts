/**
 * Whether the records of a whole chain tell a story that can have happened. What was taken away or put in before it was sealed is
 * found here: the links are right then, and the story is not.
 *
 *   a vote:  reserved --sending--> sent --accepted--> accepted;  from each of them: cast (once it was sent) | voided;  then no more
 *   one that stood on the hub and was not known any more is adopted: it is cast, whatever was told of it before
 *   a secret vote that was cast is counted, once
 *   where the chain was restored from a backup, what was open may have been sent meanwhile: it may be cast without
 *   a proposal has one vote at a time that is not settled
 *   an entry was sealed once: no two records have one nonce, and none is without behind one that has one
 *
 * The id of a vote is computed again from its message, the envelope from message and signature, and the relayer's receipt is checked
 * against it. Each vote's metadata names a record that stands before it.
 */
import { Envelope, isSignedByItsAddress, messageId, voteOfMessage } from '@quorum/snapshot/envelope';
import { checkReceipt } from '@quorum/snapshot/receipt';
import type { Address } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { assertNever } from './assert-never.ts';
import { Sha256 } from './audit-entry.ts';
import type { AuditFault } from './audit-links.ts';
import { GENESIS, type AuditRecord } from './audit-record.ts';
import { hashOf } from './canonical.ts';

type RecordOf<K extends AuditRecord['kind']> = Extract<AuditRecord, { kind: K }>;
type OfVote = Exclude<AuditRecord, { kind: 'refused' | 'restored' }>;

/** What a chain tells of one vote. */
export type VoteStory = {
  readonly reserved: RecordOf<'reserved' | 'adopted'>;
  readonly envelopes: ReadonlySet<string>;
  readonly receipts: ReadonlySet<string>;
  /** It was open when the chain was restored: what was done with it since the backup is not told here. */
  readonly hasGap?: true;
  readonly end: 'open' | 'cast' | 'voided' | 'counted';
};

/** What a vote of ours says of itself in public; a Shutter vote's has no evidence. */
export const VoteClaims = z.object({
  agent: z.literal(true),
  evidence: Sha256.optional(),
  audit_head: Sha256,
  cast_at: z.iso.datetime(),
});

/** Text of JSON as what it says; anything else as it is. */
export function fromJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

/** Tells the story of each vote, and what in the records does not fit. `relayer`: who alone may have signed receipts. */
export function tellVotes(
  records: readonly AuditRecord[],
  relayer?: Address,
): { readonly stories: ReadonlyMap<string, VoteStory>; readonly faults: readonly AuditFault[] } {
  const stories = new Map<string, VoteStory>();
  const open = new Map<string, string>();
  const before = new Set([GENESIS]);
  const nonces = new Set<string>();
  const faults: AuditFault[] = [];
  for (const record of records) {
    const { seq } = record;
    const wrongNonce = record.kind === 'refused' ? null : wrongWithNonce(record.nonce, nonces);
    if (wrongNonce !== null) faults.push({ kind: 'inconsistent', seq, says: wrongNonce });
    if (record.kind === 'refused') {
      const says = `an entry was altered or put in before it was sealed: ${record.why}`;
      faults.push({ kind: 'inconsistent', seq, says });
    } else if (record.kind === 'restored') {
      for (const [vote, story] of stories) if (story.end === 'open') stories.set(vote, { ...story, hasGap: true });
    } else {
      const wrong = wrongWith(record, stories.get(record.vote) ?? null, { before, open, relayer });
      faults.push(...wrong.map((says): AuditFault => ({ kind: 'inconsistent', seq, says })));
      goOn(record, stories, open);
    }
    before.add(record.hash);
  }
  return { stories, faults };
}

function goOn(record: OfVote, stories: Map<string, VoteStory>, open: Map<string, string>): void {
  const { vote, proposal } = record;
  if (record.kind === 'reserved') {
    stories.set(vote, { reserved: record, envelopes: new Set(), receipts: new Set(), end: 'open' });
    open.set(proposal, vote);
    return;
  }
  const story = stories.get(vote);
  if (record.kind === 'adopted') {
    const known = story ?? { reserved: record, envelopes: new Set<string>(), receipts: new Set<string>() };
    stories.set(vote, { ...known, end: 'cast' });
    if (open.get(proposal) === vote) open.delete(proposal);
    return;
  }
  if (story === undefined) return;
  switch (record.kind) {
    case 'sending':
      return void stories.set(vote, { ...story, envelopes: new Set([...story.envelopes, record.envelope]) });
    case 'accepted':
      return void stories.set(vote, { ...story, receipts: new Set([...story.receipts, hashOf(record.receipt)]) });
    case 'cast':
    case 'voided':
    case 'counted':
      stories.set(vote, { ...story, end: record.kind });
      if (open.get(proposal) === vote) open.delete(proposal);
      return;
    default:
      assertNever(record);
  }
}

type Around = {
  readonly before: ReadonlySet<string>;
  readonly open: ReadonlyMap<string, string>;
  readonly relayer: Address | undefined;
};

/** An entry that lay in Redis can be copied with its good code; its nonce goes with it. */
function wrongWithNonce(nonce: string | undefined, seen: Set<string>): string | null {
  if (nonce === undefined) return seen.size === 0 ? null : 'it has no nonce, and a record before it has one';
  if (seen.has(nonce)) return 'its entry was sealed before: somebody put a copy of it in';
  seen.add(nonce);
  return null;
}

function wrongWith(record: OfVote, story: VoteStory | null, around: Around): string[] {
  if (record.kind === 'reserved') return wrongWithReserved(record, story, around);
  if (record.kind === 'adopted') return wrongWithMessage(record);
  const { kind, vote } = record;
  if (story === null) return [`vote ${vote} was never reserved, or its records are missing`];
  const wrong: string[] = [];
  if (record.proposal !== story.reserved.proposal) wrong.push('its vote is on another proposal');
  if (kind === 'counted')
    return story.end === 'cast' ? wrong : [...wrong, `vote ${vote} was not cast before, or was counted`];
  if (story.end !== 'open') wrong.push(`vote ${vote} was ${story.end} before`);
  if (kind === 'accepted') wrong.push(...wrongWithAccepted(record, story, around.relayer));
  if (kind === 'cast') wrong.push(...wrongWithCast(record, story));
  return wrong;
}

function wrongWithReserved(record: RecordOf<'reserved'>, story: VoteStory | null, { before, open }: Around): string[] {
  const { message, vote, proposal, evidence, time } = record;
  const wrong: string[] = [];
  if (story !== null) wrong.push(`vote ${vote} was reserved before`);
  const other = open.get(proposal);
  if (other !== undefined && other !== vote) wrong.push(`vote ${other} on the same proposal was not settled`);
  wrong.push(...wrongWithMessage(record));
  const claims = VoteClaims.safeParse(fromJson(message.metadata));
  if (!claims.success) return [...wrong, 'its metadata are not those of a vote of ours'];
  const { audit_head: head, evidence: claimed = evidence, cast_at: castAt } = claims.data;
  if (claimed !== evidence) wrong.push('its metadata name other evidence');
  if (Date.parse(castAt) !== time) wrong.push('its metadata name another time');
  if (!before.has(head)) wrong.push(`its vote names ${head} as the head of the chain, which does not stand before it`);
  return wrong;
}

function wrongWithMessage({ message, vote, proposal, voter }: RecordOf<'reserved' | 'adopted'>): string[] {
  const wrong: string[] = [];
  if (messageId(message) !== vote) wrong.push('its message has another id than the vote');
  if (message.from !== voter) wrong.push('its message is of another voter');
  if (message.proposal !== proposal) wrong.push('its message is for another proposal');
  return wrong;
}

function wrongWithAccepted(record: RecordOf<'accepted'>, story: VoteStory, relayer: Address | undefined): string[] {
  const { signer: address, signature: sig, receipt } = record;
  const envelope = Envelope.safeParse({ address, sig, data: voteOfMessage(story.reserved.message) });
  if (!envelope.success) return ['signer and signature make no envelope'];
  const wrong: string[] = [];
  if (!story.envelopes.has(hashOf(envelope.data))) wrong.push('no record tells of the sending of this envelope');
  if (!isSignedByItsAddress(envelope.data)) wrong.push(`the signature is not that of ${address}`);
  const check = checkReceipt(receipt, envelope.data, relayer);
  if (!check.ok) wrong.push(`the receipt does not check: ${check.why}`);
  return wrong;
}

function wrongWithCast({ receipt }: RecordOf<'cast'>, story: VoteStory): string[] {
  const wrong: string[] = [];
  if (story.envelopes.size === 0 && story.hasGap === undefined) wrong.push('no record tells of its sending');
  if (receipt !== null && !story.receipts.has(hashOf(receipt))) wrong.push('no record tells of its acceptance');
  return wrong;
}
