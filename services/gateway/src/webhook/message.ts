/**
 * What a notice says, read when it is delivered: it carries references alone, and what it tells of may be over by then. A vote that
 * was cast after all, a hold that was answered, an alias that was renewed: those are told of no more.
 */
import { stateAt } from '@quorum/shared/hold';
import type { OwnerId } from '@quorum/shared/ids';
import { NOTICE_WORDS, type NoticeEvent, type NoticePayload, type WebhookData } from '@quorum/shared/notices';
import type { Records } from '@quorum/shared/records';
import type { ProposalId, SpaceId } from '@quorum/snapshot/proposal';

export type MessageDeps = {
  readonly records: Pick<Records, 'hold' | 'ledger' | 'run' | 'signer'>;
  /** Whether a live run left the proposal held, or skipped it by policy. */
  readonly leftByPolicy: (owner: OwnerId, space: SpaceId, proposal: ProposalId) => Promise<boolean>;
};

/** Those that only count while the hold waits for its owner. */
const ASKS: readonly NoticeEvent[] = ['hold_created', 'hold_half_time', 'hold_expiring'];

type ProposalNotice = Exclude<NoticePayload, { hold_id: unknown } | { alias: unknown }>;
type HoldNotice = Extract<NoticePayload, { hold_id: unknown }>;
type AliasNotice = Extract<NoticePayload, { alias: unknown }>;

/** What is told; null: it counts no more. */
export async function messageOf(notice: NoticePayload, deps: MessageDeps, nowMs: number): Promise<WebhookData | null> {
  if ('hold_id' in notice) return ofHold(notice, deps, nowMs);
  return 'alias' in notice ? ofAlias(notice, deps) : ofProposal(notice, deps);
}

function blank({ event }: NoticePayload): WebhookData {
  return {
    message: NOTICE_WORDS[event],
    space_id: null,
    proposal_id: null,
    title: null,
    link: null,
    deadline: null,
    run_id: null,
    hold_id: null,
    outcome: null,
    why: null,
    detail: null,
    alias: null,
  };
}

async function ofHold(notice: HoldNotice, { records }: MessageDeps, nowMs: number): Promise<WebhookData | null> {
  const hold = await records.hold(notice.hold_id);
  if (hold === null) return null;
  const state = stateAt(hold, nowMs);
  if (ASKS.includes(notice.event) && state !== 'waiting') return null;
  if (notice.event === 'hold_not_cast' && state === 'cast') return null;
  const { subject, end, why } = hold;
  const { space_id, proposal_id, run_id, hold_id, title, link } = subject;
  const endWhy = end !== null && 'why' in end.outcome ? end.outcome.why : why;
  return {
    ...blank(notice),
    space_id,
    proposal_id,
    run_id,
    hold_id,
    title,
    link,
    deadline: iso(hold.deadlineMs),
    outcome: state,
    why: endWhy,
    detail: end?.detail ?? null,
  };
}

async function ofProposal(notice: ProposalNotice, deps: MessageDeps): Promise<WebhookData | null> {
  const { owner, space_id, proposal_id, run_id, event } = notice;
  const { records } = deps;
  if ((event === 'vote_failed' || event === 'deadline_missed') && (await isSettled(notice, deps))) return null;
  const run = await records.run(run_id);
  const selected =
    run?.owner === owner ? run.opening?.selected.find((one) => one.proposal_id === proposal_id) : undefined;
  const record = run?.later.get(proposal_id) ?? run?.outcomes.get(proposal_id);
  const outcome = record?.outcome;
  return {
    ...blank(notice),
    space_id,
    proposal_id,
    run_id,
    title: selected?.title ?? null,
    link: selected?.link ?? null,
    deadline: selected === undefined ? null : iso(selected.end * 1e3),
    outcome: outcome?.kind ?? null,
    why: outcome !== undefined && 'why' in outcome ? outcome.why : null,
    detail: record?.detail ?? null,
  };
}

/** Whether a vote stands there by now, or a later run left it for good. */
async function isSettled(
  { owner, space_id: space, proposal_id: proposal }: ProposalNotice,
  { records, leftByPolicy }: MessageDeps,
): Promise<boolean> {
  const signer = await records.signer(owner);
  const entry = signer === null ? null : await records.ledger(signer.voter, space, proposal);
  return entry?.state === 'cast' || (await leftByPolicy(owner, space, proposal));
}

async function ofAlias(notice: AliasNotice, { records }: MessageDeps): Promise<WebhookData | null> {
  const { owner, alias, expires_at: endS } = notice;
  const signer = await records.signer(owner);
  const stands = signer?.kind === 'alias' && signer.alias === alias && signer.alias_expires_at === endS;
  return stands ? { ...blank(notice), alias, deadline: iso(endS * 1_000) } : null;
}

/** What lies beyond the year 9999 has no ISO time that can be read back. */
function iso(ms: number): string {
  return new Date(Math.min(ms, Date.UTC(9999, 11, 31))).toISOString();
}
