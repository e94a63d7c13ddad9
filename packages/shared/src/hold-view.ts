/** Holds in the words of the API: what is asked of `POST /holds/:id`, and how a hold is shown. */
import { Ballot } from '@quorum/snapshot/ballot';
import { Receipt } from '@quorum/snapshot/receipt';
import { z } from 'zod';
import { type Hold, HoldState, HoldSubject, stateAt } from './hold.ts';
import { HeldWhy, VoteEnd, wordsFor } from './outcome.ts';
import { Next, pagingBy } from './paging.ts';

/** The body of `POST /holds/:id`. */
export const HoldRequest = z
  .strictObject({
    answer: z.enum(['approve', 'reject']).describe('approve: vote so; reject: there is no vote'),
    choice: z
      .union([z.number(), z.array(z.number()), z.record(z.string(), z.number())])
      .optional()
      .describe(
        "Another ballot, in Snapshot's encoding: the position of a choice from 1; a list of positions; or weights by position",
      ),
  })
  .refine(({ answer, choice }) => answer === 'approve' || choice === undefined, {
    path: ['choice'],
    error: 'goes with approve alone',
  });
export type HoldRequest = z.infer<typeof HoldRequest>;

/** What `GET /holds` takes. */
export const HoldsQuery = z.strictObject({
  state: HoldState.optional().describe('Only holds that are there by now'),
  ...pagingBy(/^[we]~\d{1,15}~[0-9a-f]{32}$/, 'from the first on'),
});

/** A hold as the API shows it. */
export const HoldView = HoldSubject.omit({
  deadline: true,
  created_at: true,
  end: true,
  voter: true,
  content_hash: true,
}).extend({
  state: HoldState,
  why: HeldWhy.describe('Why the owner is asked'),
  question: z.string().describe('The same in words'),
  created_at: z.iso.datetime().describe('When it was held'),
  deadline: z.iso.datetime().describe('When it expires unless it is answered'),
  closes_at: z.iso.datetime().describe('When the proposal closes'),
  answer: z
    .object({
      answer: z.enum(['approve', 'reject']).describe('What was said'),
      ballot: Ballot.nullable().describe('What was approved'),
      ballot_from: z
        .enum(['decision', 'owner'])
        .describe('Whether it is what was decided, or a ballot of the owner’s own'),
      by: z.string().describe('The API key that said so: its id, file, or anonymous'),
      answered_at: z.iso.datetime().describe('When'),
    })
    .nullable()
    .describe('What the owner answered; null while they have not'),
  outcome: VoteEnd.nullable().describe('Where its vote ended; null where there is none, or none yet'),
  detail: z.string().nullable().describe('More about that, in words'),
  receipt: Receipt.nullable().describe("The sequencer's receipt, where a vote was cast"),
});
export type HoldView = z.infer<typeof HoldView>;

/** The answer of `GET /holds`. */
export const HoldsView = z.object({
  holds: z
    .array(HoldView)
    .describe('Those that wait come first, of them the first deadline; then the others, of them the last deadline'),
  next: Next,
});
export type HoldsView = z.infer<typeof HoldsView>;

export function holdView(hold: Hold, nowMs: number): HoldView {
  const { deadline, created_at, end, voter: _voter, content_hash: _hash, ...subject } = hold.subject;
  const said = hold.answer?.answer;
  return {
    ...subject,
    state: stateAt(hold, nowMs),
    why: hold.why,
    question: wordsFor(hold.why),
    created_at: iso(created_at),
    deadline: iso(deadline),
    closes_at: iso(end * 1_000),
    answer:
      said === undefined
        ? null
        : {
            answer: said.answer,
            ballot: said.ballot,
            ballot_from: said.ballot_from,
            by: said.by,
            answered_at: iso(said.answered_at),
          },
    outcome: hold.end?.outcome ?? null,
    detail: hold.end?.detail ?? null,
    receipt: hold.end?.receipt ?? null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
