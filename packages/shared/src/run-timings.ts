/**
 * Where the time of a run went, as `GET /agent-run/:id/timings` tells it and `npm run trace` draws it: spans, made of what the record of
 * the run keeps (`run-times.ts`) and, while it is open, of its events. A span that is under way has no end. The steps of a vote
 * follow each other; the calls to models lie within the `decide` of their proposal, side by side.
 *
 *   queued ─▶ fetch ─▶ of each proposal:  wait ─▶ decide { ask, ask, … } ─▶ wait ─▶ check ─▶ reserve ─▶ sign ─▶ send ─▶ read_back ─▶ close
 *                                         a vote that was put off: put_off ─▶ check …        held: answer ─▶ wait ─▶ check …
 */
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import type { Hold } from './hold.ts';
import { RunId } from './ids.ts';
import { Outcome } from './outcome.ts';
import type { RunRecord, Selected } from './records.ts';
import { RunStatus } from './run.ts';
import type { ToldEvent } from './run-events.ts';
import { AskRole, type DecideTimes, type VoteTimes } from './run-times.ts';

const Offset = z.int().describe('Milliseconds since the run was accepted');

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
    'close',
  ])
  .describe(
    'queued: until a worker takes the run; fetch: read the space, filter, rank; wait: for a worker; decide: one try of the decision, ask: a call to a model within it; put_off: until it is tried again; check: ask the hub whether anything is in the way, reserve, sign, send, read_back: the vote; vote: one of which no more is known; answer: until the owner answers; close: until the run has ended',
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

/** The answer of `GET /agent-run/:id/timings`. */
export const RunTimings = z.object({
  run_id: RunId,
  status: RunStatus,
  space_id: SpaceId,
  dry_run: z.boolean().describe('Whether the run casts nothing'),
  accepted_at: z.iso.datetime().describe('When the run was accepted: zero of all that follows'),
  finished: Offset.nullable().describe('When the run ended, in milliseconds since then; null while it is open'),
  now: Offset.describe('When this was told, in milliseconds since then'),
  proposals: z
    .array(
      z.object({
        proposal_id: ProposalId,
        title: z.string().describe("The proposal's title"),
        outcome: Outcome.nullable().describe('Where it ended in this run; null while it is under way'),
        decided: Offset.nullable().describe('When the decision stood, in milliseconds since the run was accepted'),
        kept: z
          .boolean()
          .describe('False where the run is of before times were kept: its spans are what else is known'),
      }),
    )
    .describe('The selected proposals'),
  spans: z.array(Span).describe('By proposal, and by their begin'),
});
export type RunTimings = z.infer<typeof RunTimings>;

/** A span before it knows whose it is. */
type Part = Omit<Span, 'proposal_id'>;

/** The timings of a run. `events`: as far as they are kept; `nowMs`: Unix milliseconds. */
export function timingsOf(
  run: RunRecord,
  events: readonly ToldEvent[],
  holds: readonly Hold[],
  nowMs: number,
): RunTimings {
  const at = (ms: number): number => Math.round(ms - run.acceptedAtMs);
  const offsetOf = (ms: number | null | undefined): number | null => (ms === null || ms === undefined ? null : at(ms));
  const finished = offsetOf(run.finishedAtMs);
  const started = offsetOf(run.startedAtMs);
  const opened = offsetOf(run.opening?.opened_at ?? lastTime(events, 'fetched', null));
  const selected = run.opening?.selected ?? [];
  const holdOf = new Map(holds.map((hold) => [hold.subject.proposal_id, hold]));

  const before: Part[] = [{ kind: 'queued', begin: 0, end: started ?? finished }];
  if (started !== null && (opened !== null || run.opening === null)) {
    before.push({ kind: 'fetch', begin: started, end: opened ?? finished });
  }
  const ofProposals = selected.map(({ proposal_id: id }) => {
    const around = { run, events, at, from: opened ?? started ?? 0, open: finished === null };
    const parts = [...decideParts(id, around), ...voteParts(id, around)];
    return { id, parts, later: laterParts(holdOf.get(id), at, nowMs) };
  });
  const ends = [before, ...ofProposals.map(({ parts }) => parts)].flat().map(({ end }) => end);
  const isClosing = started !== null && ends.every((end) => end !== null) && run.opening !== null;
  const last = Math.max(0, ...ends.filter((end) => end !== null));
  const after: Part[] = isClosing ? [{ kind: 'close', begin: last, end: finished }] : [];

  const spansOf = (parts: readonly Part[], proposal_id: ProposalId | null): Span[] =>
    // Clocks of two machines may disagree: nothing ends before it begins.
    parts.map((part) => ({ ...part, end: part.end === null ? null : Math.max(part.begin, part.end), proposal_id }));
  return {
    run_id: run.runId,
    status: run.state,
    space_id: run.space,
    dry_run: run.opening?.dry_run ?? run.dryRun,
    accepted_at: new Date(run.acceptedAtMs).toISOString(),
    finished,
    now: at(nowMs),
    proposals: selected.map((one) => proposalOf(one, run, at)),
    spans: [
      ...spansOf(before, null),
      ...ofProposals.flatMap(({ id, parts, later }) => spansOf([...parts, ...later], id)),
      ...spansOf(after, null),
    ],
  };
}

function proposalOf(
  { proposal_id, title }: Selected,
  run: RunRecord,
  at: (ms: number) => number,
): RunTimings['proposals'][number] {
  const decision = run.decisions.get(proposal_id);
  const outcome = run.outcomes.get(proposal_id);
  const sealedAt = decision?.kind === 'decided' ? at(decision.sealed.decision.decided_at) : null;
  return {
    proposal_id,
    title,
    outcome: outcome?.outcome ?? null,
    decided: decision?.kind === 'decided' ? (decision.times?.ended ?? sealedAt) : null,
    kept: run.opening?.opened_at !== undefined,
  };
}

type Around = {
  readonly run: RunRecord;
  readonly events: readonly ToldEvent[];
  readonly at: (ms: number) => number;
  /** From when on the proposal waits for its decision. */
  readonly from: number;
  readonly open: boolean;
};

/** From the choice of the proposal to its decision. */
function decideParts(id: ProposalId, { run, events, at, from, open }: Around): Part[] {
  const record = run.decisions.get(id);
  const tries = [...(run.tried.get(id)?.decide ?? []), ...(record?.times === undefined ? [] : [record.times])];
  const parts = tries.flatMap((times, nth) => [waitBefore(times.began, tries[nth - 1], from), ...asksOf(times)]);
  if (record?.times !== undefined) return parts;
  const last = tries.at(-1);
  if (record?.kind === 'decided') {
    return [...parts, { kind: 'decide', begin: last?.ended ?? from, end: at(record.sealed.decision.decided_at) }];
  }
  if (record !== undefined || !open) return parts;
  const told = lastTime(events, 'deciding', id);
  const begin = told === null ? null : at(told);
  return begin === null || (last !== undefined && begin <= last.ended)
    ? [...parts, waitBefore(null, last, from)]
    : [...parts, waitBefore(begin, last, from), { kind: 'decide', begin, end: null }];
}

function waitBefore(end: number | null, before: { readonly ended: number } | undefined, from: number): Part {
  return { kind: before === undefined ? 'wait' : 'put_off', begin: before?.ended ?? from, end };
}

function asksOf({ began, ended, asks }: DecideTimes): Part[] {
  const parts = asks.map(([role, nth, model, begin, took, result]): Part => {
    return { kind: 'ask', begin, end: begin + took, ask: { role, nth, model, result } };
  });
  return [{ kind: 'decide', begin: began, end: ended }, ...parts.toSorted((a, b) => a.begin - b.begin)];
}

/** From the decision to the outcome. */
function voteParts(id: ProposalId, { run, events, at, from, open }: Around): Part[] {
  const record = run.decisions.get(id);
  const settled = run.outcomes.get(id);
  const decidedMs = record?.kind === 'decided' ? at(record.sealed.decision.decided_at) : null;
  const decided = record?.times?.ended ?? decidedMs ?? (settled === undefined ? null : from);
  if (decided === null) return [];
  const tries = [...(run.tried.get(id)?.vote ?? []), ...(settled?.times === undefined ? [] : [settled.times])];
  const parts = tries.flatMap((times, nth) => [waitBefore(times.began, tries[nth - 1], decided), ...stepsOf(times)]);
  if (settled?.times !== undefined) return parts;
  const begin = tries.at(-1)?.ended ?? decided;
  if (settled !== undefined) return [...parts, { kind: 'vote', begin, end: at(settled.settled_at) }];
  if (!open) return parts;
  const told = (kind: 'reserved' | 'sent'): number | null => {
    const ms = lastTime(events, kind, id);
    return ms === null || at(ms) < begin ? null : at(ms);
  };
  const [reserved, sent] = [told('reserved'), told('sent')];
  if (reserved === null) return [...parts, { kind: tries.length === 0 ? 'vote' : 'put_off', begin, end: null }];
  const upTo: Part[] = [...parts, { kind: 'vote', begin, end: reserved }, { kind: 'sign', begin: reserved, end: sent }];
  return sent === null ? upTo : [...upTo, { kind: 'send', begin: sent, end: null }];
}

/** The steps of one try of a vote. The last one is what it ended in. */
function stepsOf({ began, checked, reserved, sent, answered, answer, ended }: VoteTimes): Part[] {
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

/** What came after the run: a hold that waits for its owner, and its vote. */
function laterParts(hold: Hold | undefined, at: (ms: number) => number, nowMs: number): Part[] {
  // When a later run took its place is not kept.
  if (hold === undefined || hold.state === 'superseded') return [];
  const { subject, answer, end, deadlineMs, state } = hold;
  const begin = at(subject.created_at);
  const said = answer?.answer.answered_at;
  const over = said ?? (state === 'expired' || (state === 'waiting' && nowMs >= deadlineMs) ? deadlineMs : null);
  const steps = end?.times === undefined ? [] : stepsOf(end.times);
  const until = over === null ? (end?.times?.began ?? (end === null ? null : at(end.settled_at))) : at(over);
  const waited: Part = { kind: 'answer', begin, end: until };
  if (until === null) return [waited];
  const [first] = steps;
  if (first !== undefined) return [waited, { kind: 'wait', begin: until, end: first.begin }, ...steps];
  if (end !== null) return [waited, { kind: 'vote', begin: until, end: at(end.settled_at) }];
  return state === 'approved' ? [waited, { kind: 'vote', begin: until, end: null }] : [waited];
}

/** When an event was last told, Unix milliseconds; of a proposal, where one is named. Null where it is not, or no more. */
function lastTime(
  events: readonly ToldEvent[],
  kind: ToldEvent['event']['kind'],
  proposal: ProposalId | null,
): number | null {
  const told = events.findLast(
    ({ event }) =>
      event.kind === kind && (proposal === null || ('proposal_id' in event && event.proposal_id === proposal)),
  );
  return told === undefined ? null : Number(told.id.split('-')[0]);
}
