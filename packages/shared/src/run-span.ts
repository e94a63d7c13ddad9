/** A span of a run's timings, and what one try of a vote is told as. */
import { ProposalId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { AskRole, type VoteTimes } from './run-times.ts';

export const Offset = z.int().describe('Milliseconds since the run was accepted');

const SpanKind = z
  .enum([
    'queued',
    'fetch',
    'wait',
    'decide',
    'ask',
    'put_off',
    'vote',
    'check',
    'reserve',
    'sign',
    'send',
    'read_back',
    'answer',
    'resume',
    'close',
  ])
  .describe(
    'queued: until a worker takes the run; fetch: read the space, filter, rank; wait: for a worker; decide: one try of the decision, ask: a call to a model within it; put_off: after a try that came to nothing, until the next one that is kept; check: ask the hub whether anything is in the way, reserve, sign, send, read_back: the vote; vote: one of which no more is known; answer: until the owner answers; resume: until voting, which was paused, is resumed and the vote is made; close: until the run has ended',
  );

export const Span = z.object({
  kind: SpanKind,
  proposal_id: ProposalId.nullable().describe('Null for what is of the whole run'),
  begin: Offset,
  end: Offset.nullable().describe('The same; null while it is under way'),
  ask: z
    .object({
      role: AskRole.describe('What was asked for: a ballot, facts, a ballot by these facts, a public reason'),
      nth: z.int().describe('Which question of its kind, from 1; asked again, it is the same'),
      model: z.string().describe('The model that was asked'),
      result: z.string().describe('`answer`, or why there was none'),
    })
    .optional()
    .describe('Of a call to a model'),
  answered: z.string().optional().describe('Of a `send`: what the sequencer said: accepted, refused or unknown'),
});
export type Span = z.infer<typeof Span>;

/** A span before it knows whose it is. */
export type Part = Omit<Span, 'proposal_id'>;

/** What lies before a try that began then: after an earlier one it had been put off. */
export function waitBefore(end: number | null, before: { readonly ended: number } | undefined, from: number): Part {
  return { kind: before === undefined ? 'wait' : 'put_off', begin: before?.ended ?? from, end };
}

/** The steps of one try of a vote. The last one is what it ended in. */
export function stepsOf({ began, checked, reserved, sent, answered, answer, ended }: VoteTimes): Part[] {
  const named = [
    ['check', checked],
    ['reserve', reserved],
    ['sign', sent],
    ['send', answered],
    ['read_back', undefined],
  ] as const;
  const parts: Part[] = [];
  let begin = began;
  for (const [kind, end] of named) {
    const said = kind === 'send' && answer !== undefined ? { answered: answer } : {};
    parts.push({ kind, begin, end: end ?? ended, ...said });
    if (end === undefined) break;
    begin = end;
  }
  return parts;
}
