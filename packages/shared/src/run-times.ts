/**
 * When the parts of a run were done, as its record keeps it for as long as there is the run: whole milliseconds since the run was
 * accepted, by the clock of the process that did them. They stand within the records that are written anyway, outside of what is
 * sealed: they inform, and nothing is decided by them. Records from before them have none.
 */
import { z } from 'zod';

const Offset = z.int().describe('Milliseconds since the run was accepted');

/** What a model was asked for. */
export const AskRole = z.enum(['sample', 'reader', 'judge', 'reason']);
export type AskRole = z.infer<typeof AskRole>;

/** One call to a model: for what, the how-manieth question of that kind from 1, which model, sent when, how many ms it took, what came. */
export const AskTime = z.tuple([AskRole, z.int(), z.string(), Offset, z.int().nonnegative(), z.string()]);
export type AskTime = z.infer<typeof AskTime>;

/** One time that a decision was worked on. */
export const DecideTimes = z.object({ began: Offset, ended: Offset, asks: z.array(AskTime).readonly() });
export type DecideTimes = z.infer<typeof DecideTimes>;

/** Each step of a vote by its end, in their order. One that was not come to is absent. */
export type VoteStep = 'checked' | 'reserved' | 'sent' | 'answered';

/** One time that a vote was worked on. */
export const VoteTimes = z.object({
  began: Offset,
  checked: Offset.optional().describe('The hub was asked, and nothing is in the way'),
  reserved: Offset.optional().describe('The intent is in the ledger'),
  sent: Offset.optional().describe('It is signed, and may be sent'),
  answered: Offset.optional().describe('The sequencer has answered, or nobody knows'),
  answer: z.string().optional().describe('What it answered: accepted, refused or unknown'),
  ended: Offset,
});
export type VoteTimes = z.infer<typeof VoteTimes>;

/** Of a proposal of a run, what was tried and came to no record, in its order. */
export type Tried = { readonly decide: readonly DecideTimes[]; readonly vote: readonly VoteTimes[] };

/** Notes the steps of one try of a vote. */
export type VoteClock = {
  /** Notes that a step is done; what is done again counts by its last time. */
  readonly mark: (step: VoteStep, answer?: string) => void;
  /** What was noted, which ended now. */
  readonly times: () => VoteTimes;
};

/** A clock that starts now. `now`: Unix milliseconds. */
export function startVoteClock(acceptedAtMs: number, now: () => number): VoteClock {
  const offset = (): number => Math.round(now() - acceptedAtMs);
  const noted: Partial<Record<VoteStep, number>> & { answer?: string } = {};
  const began = offset();
  return {
    mark(step, answer) {
      noted[step] = offset();
      if (answer !== undefined) noted.answer = answer;
    },
    times: () => ({ began, ...noted, ended: offset() }),
  };
}
