/**
 * A hold: a decision of a live run that waits. Most wait for their owner's answer, those for which voting was paused for its
 * resumption.
 *
 *   waiting    --approve-->  approved           the owner has said yes, to this ballot; its vote is being made
 *              --reject-->   rejected           there is no vote
 *              --expire-->   expired            nobody answered before the deadline
 *              --a later run-->  superseded     that run voted, or holds the proposal anew
 *              --resume-->   cast | skipped | failed     voting_paused alone, and without asking
 *   approved   --its vote--> cast | skipped | failed
 *              --expire-->   expired            voting stayed paused until the deadline
 *   failed     --approve-->  approved           the owner mended what was wrong, and there is still time
 *
 * The first word stands, but for one: a vote that was read back from the hub is cast, whatever was said before. A hold is *open*
 * while it is waiting or approved. What it is about is written once; the deadline is the end of the proposal less the time that
 * a vote takes.
 */
import { Ballot } from '@quorum/snapshot/ballot';
import { Address, ProposalId, SpaceId, VotingType } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { RiskLevel, Stakes } from './decision.ts';
import { HoldId, OwnerId, RunId } from './ids.ts';
import { type Answered, type HeldWhy, VoteEnd } from './outcome.ts';
import { VoteTimes } from './run-times.ts';

const Share = z.number().min(0).max(1);
const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Milliseconds = z.int().describe('Unix milliseconds');

export const HOLD_STATES = [
  'waiting',
  'approved',
  'rejected',
  'expired',
  'superseded',
  'cast',
  'skipped',
  'failed',
] as const;
export const HoldState = z.enum(HOLD_STATES).describe('Where the hold is');
export type HoldState = z.infer<typeof HoldState>;

/** What is held. It informs; what a vote is made by is the sealed decision and the sealed answer. */
export const HoldSubject = z.object({
  hold_id: HoldId,
  owner: OwnerId,
  voter: Address,
  run_id: RunId,
  space_id: SpaceId,
  proposal_id: ProposalId,
  content_hash: Sha256.describe('Hash of the text and terms that were read'),
  title: z.string().describe("The proposal's title"),
  link: z.string().describe('Link to the proposal for people'),
  voting_type: VotingType,
  choices: z.array(z.string()).describe("The proposal's choices, in their order"),
  end: z.int().describe('When the proposal closes, Unix seconds'),
  deadline: Milliseconds,
  created_at: Milliseconds,
  ballot: Ballot.nullable().describe('What was decided; null where the answers agreed on nothing'),
  confidence: Share.describe(
    'The smaller of agreement and the median confidence of the agreeing answers, a missing one counting as 0',
  ),
  agreement: Share.describe('Answers that agree with the ballot, of all that were asked for'),
  risk_level: RiskLevel,
  stakes: Stakes,
  reasoning: z.string().describe('Why, for the owner'),
  key_factors: z
    .array(z.string())
    .describe('What spoke for and against, what is unknown, and why the risk is what it is'),
  evidence_hash: Sha256.describe('Names the full record behind the decision'),
});
export type HoldSubject = z.infer<typeof HoldSubject>;

/** What an owner said to a hold, and what exactly they said it to. */
export const HoldAnswer = z.strictObject({
  hold_id: HoldId,
  owner: OwnerId,
  run_id: RunId,
  space_id: SpaceId,
  proposal_id: ProposalId,
  content_hash: Sha256,
  answer: z.enum(['approve', 'reject']),
  ballot: Ballot.nullable().describe('What is to be voted; null where it was rejected'),
  ballot_from: z
    .enum(['decision', 'owner'])
    .describe('Whether it is the ballot that was decided, or one of the owner’s own'),
  by: z.string().describe('By which API key it was said: its id, file, or anonymous'),
  answered_at: Milliseconds,
});
export type HoldAnswer = z.infer<typeof HoldAnswer>;

export const SealedAnswer = z.object({ answer: HoldAnswer, mac: Sha256 });
export type SealedAnswer = z.infer<typeof SealedAnswer>;

/** Where the vote of a hold ended, and what there is to know of it. */
export const HoldEnd = z.object({
  outcome: VoteEnd,
  detail: z.string().optional(),
  receipt: Receipt.optional(),
  settled_at: Milliseconds,
  times: VoteTimes.optional(),
});
export type HoldEnd = z.infer<typeof HoldEnd>;

/** A hold as it stands. */
export type Hold = {
  readonly subject: HoldSubject;
  readonly state: HoldState;
  /** Why it waits. It changes where voting resumed and the owner is to be asked after all. */
  readonly why: HeldWhy;
  readonly deadlineMs: number;
  readonly answer: SealedAnswer | null;
  readonly end: HoldEnd | null;
  /** When what was done in the first try of its vote that was put off, since it was approved; informs. */
  readonly putOff?: VoteTimes;
};

export function isOpen({ state }: Pick<Hold, 'state'>): boolean {
  return state === 'waiting' || state === 'approved';
}

/** Whether its vote may be made without another word of its owner, as soon as voting is enabled. */
export function isToBeCast({ state, why }: Pick<Hold, 'state' | 'why'>): boolean {
  return state === 'approved' || (state === 'waiting' && why === 'voting_paused');
}

/** The state that it is in at this moment: one that nobody answered in time has expired, whether or not its job has come by. */
export function stateAt(hold: Pick<Hold, 'state' | 'deadlineMs'>, nowMs: number): HoldState {
  return hold.state === 'waiting' && nowMs >= hold.deadlineMs ? 'expired' : hold.state;
}

/** What became of a hold, as the outcome of its run shows it; undefined while nothing has. */
export function answeredOf(hold: Hold, nowMs: number): Answered | undefined {
  const state = stateAt(hold, nowMs);
  const outcome = hold.end?.outcome ?? null;
  switch (state) {
    case 'waiting':
      return undefined;
    case 'rejected':
    case 'expired':
    case 'superseded':
      return { kind: state, outcome };
    case 'approved':
    case 'cast':
    case 'skipped':
    case 'failed':
      return { kind: hold.answer?.answer.answer === 'approve' ? 'approved' : 'resumed', outcome };
  }
}
