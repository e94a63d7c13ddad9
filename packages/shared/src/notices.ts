/**
 * What an owner is told without asking: every event, what it means, and what a notice of it refers to. A notice is a job of the
 * queue `notify`, which carries references alone; what it says is read when it is delivered, and so is whether it still counts.
 */
import { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { HoldId, OwnerId, RunId } from './ids.ts';

/** What an owner is told of a proposal, and of a vote after its run had ended. */
export const PROPOSAL_NOTICES = [
  'closing_too_soon',
  'vote_failed',
  'deadline_missed',
  'settled_later',
  'counted_differently',
  'not_revealed',
] as const;

/** What an owner is told of a hold. The first three come too late for one that no longer waits. */
export const HOLD_NOTICES = [
  'hold_created',
  'hold_half_time',
  'hold_expiring',
  'hold_expired',
  'hold_not_cast',
] as const;

/** What an owner is told of their signer. */
const ALIAS_NOTICES = ['alias_expiring', 'alias_expired'] as const;

export const NOTICES = [...PROPOSAL_NOTICES, ...HOLD_NOTICES, ...ALIAS_NOTICES] as const;
export type NoticeEvent = (typeof NOTICES)[number];
export type ProposalEvent = (typeof PROPOSAL_NOTICES)[number];

/** What each event means, for the owner. */
export const NOTICE_WORDS: Readonly<Record<NoticeEvent, string>> = {
  closing_too_soon: 'A proposal closes too soon to be decided and voted on. Vote on Snapshot yourself.',
  vote_failed: 'A vote failed or came too late, and its proposal closes soon. It may be tried again.',
  deadline_missed: 'A proposal closed that was to be voted on, and Quorum has cast no vote there.',
  settled_later: 'A vote came out otherwise than its run said when it ended.',
  counted_differently: 'A secret vote was not counted as it was cast.',
  not_revealed: 'A secret vote was not revealed within a week of the close. Nobody can say how it counted.',
  hold_created: 'A decision waits for your answer.',
  hold_half_time: 'A decision still waits for your answer. Half of the time is over.',
  hold_expiring: 'A decision waits for your answer and expires soon.',
  hold_expired: 'A decision expired, and there is no vote.',
  hold_not_cast: 'You approved a decision, or voting was resumed, and there is no vote all the same.',
  alias_expiring: 'The alias that signs your votes runs out soon. Sign it again with the main wallet.',
  alias_expired: 'The alias that signed your votes ran out. No vote is signed until you sign it again.',
};

export const DeliveryState = z
  .enum(['pending', 'delivered', 'dead', 'dropped'])
  .describe('pending: to be sent, again perhaps; dead: given up; dropped: it counted no more when it was to be sent');
export type DeliveryState = z.infer<typeof DeliveryState>;

const about = { owner: OwnerId, space_id: SpaceId, proposal_id: ProposalId, run_id: RunId };

/** How long before its end an alias is told of, in days; at its end that is told. */
const ALIAS_DAYS = [7, 1] as const;

/** What a notice refers to. */
export const NoticePayload = z.discriminatedUnion('event', [
  z.strictObject({ event: z.enum(PROPOSAL_NOTICES), ...about }),
  z.strictObject({ event: z.enum(HOLD_NOTICES), ...about, hold_id: HoldId }),
  z.strictObject({
    event: z.enum(ALIAS_NOTICES),
    owner: OwnerId,
    alias: Address,
    expires_at: z.int().describe('Unix seconds'),
    days: z.int().min(0).describe('How many days before its end this is told; 0: at its end'),
  }),
]);
export type NoticePayload = z.infer<typeof NoticePayload>;

/** A notice that is to be delivered in so many milliseconds. */
export type Notice = { readonly payload: NoticePayload; readonly delayMs: number };

/** The same notice has the same id, however often it is queued. */
export function noticeId(notice: NoticePayload): string {
  if ('hold_id' in notice) return `${notice.event}-${notice.hold_id}`;
  if ('alias' in notice) {
    return `${notice.event}-${notice.owner}-${notice.alias}-${notice.expires_at}-${notice.days}`;
  }
  const { event, owner, proposal_id: proposal, run_id: run } = notice;
  // What became of a vote is told of each: a revision is another one, on the same proposal.
  const isOfVote = event === 'settled_later' || event === 'counted_differently' || event === 'not_revealed';
  return isOfVote ? `${event}-${owner}-${proposal}-${run}` : `${event}-${owner}-${proposal}`;
}

const SECOND_MS = 1_000;
const DAY_MS = 24 * 60 * 60 * SECOND_MS;

/** What is told of an alias that ends then. Of what is due already the last alone. */
export function aliasNotices(owner: OwnerId, alias: Address, expiresAtS: number, nowMs: number): readonly Notice[] {
  const leftMs = expiresAtS * SECOND_MS - nowMs;
  const all = [...ALIAS_DAYS, 0].map((days): Notice => {
    const event = days === 0 ? 'alias_expired' : 'alias_expiring';
    return { payload: { event, owner, alias, expires_at: expiresAtS, days }, delayMs: leftMs - days * DAY_MS };
  });
  const due = all.filter(({ delayMs }) => delayMs <= 0).slice(-1);
  return [...due.map((notice) => ({ ...notice, delayMs: 0 })), ...all.filter(({ delayMs }) => delayMs > 0)];
}

/** What a receiver is sent. */
export const WebhookBody = z.object({
  id: z.string().describe('The delivery: the same in each retry, so that it can be known again'),
  event: z.enum(NOTICES),
  owner: OwnerId,
  created_at: z.iso.datetime().describe('When it was first to be delivered'),
  data: z.object({
    message: z.string().describe('What the event means'),
    space_id: SpaceId.nullable(),
    proposal_id: ProposalId.nullable(),
    title: z.string().nullable().describe("The proposal's title: text by a stranger"),
    link: z.string().nullable().describe('The proposal, for people'),
    deadline: z.iso.datetime().nullable().describe('Until when a hold is answered, a proposal voted on, an alias good'),
    run_id: RunId.nullable(),
    hold_id: HoldId.nullable().describe('What to answer: POST /holds/HOLD_ID'),
    outcome: z.string().nullable().describe('Where the proposal ended; the state of a hold'),
    why: z.string().nullable().describe('Why: one word of a closed list'),
    detail: z.string().nullable().describe('More than that word says'),
    alias: Address.nullable(),
  }),
});
export type WebhookBody = z.infer<typeof WebhookBody>;
export type WebhookData = WebhookBody['data'];
