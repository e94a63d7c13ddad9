/**
 * Where the time of a run went, as `GET /agent-run/:id/timings` tells it and `npm run trace` draws it: spans, made of what the record of
 * the run keeps (`run-times.ts`) and, while it is open, of its events. A span that is under way has no end. The steps of a vote
 * follow each other; the calls to models lie within the `decide` of their proposal, side by side.
 *
 *   queued ─▶ fetch ─▶ of each proposal:  wait ─▶ decide { ask, ask, … } ─▶ wait ─▶ check ─▶ reserve ─▶ sign ─▶ send ─▶ read_back ─▶ close
 *                      a try that came to nothing: put_off ─▶ decide …, put_off ─▶ check …       held: answer ─▶ wait ─▶ check …
 *                                                                          held while voting is paused: resume ─▶ check …
 *
 * Where no decision says when it was made, what is known of a proposal goes up to the first try of its vote, or to its outcome.
 */
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import type { Hold } from './hold.ts';
import { laterParts } from './hold-spans.ts';
import { RunId } from './ids.ts';
import { Outcome } from './outcome.ts';
import type { RunRecord, Selected } from './records.ts';
import { RunStatus } from './run.ts';
import type { ToldEvent } from './run-events.ts';
import { Offset, type Part, Span, stepsOf, waitBefore } from './run-span.ts';
import type { DecideTimes } from './run-times.ts';

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
        outcome: Outcome.nullable().describe(
          'Where it ended in this run; null while it is under way, and where the run ended without it',
        ),
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

/** The timings of a run. `events`: as far as they are kept; `nowMs`: Unix milliseconds. */
export function timingsOf(
  run: RunRecord,
  events: readonly ToldEvent[],
  holds: readonly Hold[],
  nowMs: number,
): RunTimings {
  const at = (ms: number): number => Math.round(ms - run.acceptedAtMs);
  const finished = offsetOf(run.finishedAtMs, at);
  const started = offsetOf(run.startedAtMs, at);
  const opened = offsetOf(run.opening?.opened_at ?? lastTime(events, 'fetched', null), at);
  const selected = run.opening?.selected ?? [];
  const holdOf = new Map(holds.map((hold) => [hold.subject.proposal_id, hold]));

  const before: Part[] = [{ kind: 'queued', begin: 0, end: started ?? finished }];
  if (started !== null && (opened !== null || run.opening === null)) {
    before.push({ kind: 'fetch', begin: started, end: opened ?? finished });
  }
  const ofProposals = selected.map(({ proposal_id: id }) => {
    const around = { run, events, at, from: opened ?? started ?? 0, finished };
    const { parts: made, decided } = decideParts(id, around);
    const parts = [...made, ...voteParts(id, decided, around)];
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

function offsetOf(ms: number | null | undefined, at: (ms: number) => number): number | null {
  return ms === null || ms === undefined ? null : at(ms);
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
  readonly finished: number | null;
};

/**
 * From the choice of the proposal to its decision, and when that was made or failed. Null where nothing says so: then the spans go as far
 * as anything is known of.
 */
function decideParts(
  id: ProposalId,
  { run, events, at, from, finished }: Around,
): { readonly parts: Part[]; readonly decided: number | null } {
  const record = run.decisions.get(id);
  const tried = run.tried.get(id);
  const tries = [...(tried?.decide ?? []), ...(record?.times === undefined ? [] : [record.times])];
  const parts = tries.flatMap((times, nth) => [waitBefore(times.began, tries[nth - 1], from), ...asksOf(times)]);
  if (record?.times !== undefined) return { parts, decided: record.times.ended };
  const last = tries.at(-1);
  const begin = last?.ended ?? from;
  if (record?.kind === 'decided') {
    const decided = at(record.sealed.decision.decided_at);
    return { parts: [...parts, { kind: 'decide', begin, end: decided }], decided };
  }
  // A failure that keeps no times was thrown out of the last try.
  if (record !== undefined && last !== undefined) return { parts, decided: last.ended };

  const settled = run.outcomes.get(id);
  const failed = record === undefined ? null : lastTime(events, 'decided', id);
  const wasAsked = record !== undefined || (run.spent.get(id)?.calls ?? 0) > 0;
  const began = tried?.vote[0]?.began ?? settled?.times?.began;
  const end = began ?? offsetOf(settled?.settled_at ?? failed, at) ?? (wasAsked ? finished : null);
  if (end !== null) {
    const kind = last === undefined ? (wasAsked ? 'decide' : 'wait') : 'put_off';
    const isGivenUp = began !== undefined || settled !== undefined;
    return { parts: [...parts, { kind, begin, end }], decided: isGivenUp ? null : end };
  }
  if (finished !== null) return { parts, decided: null };
  const since = offsetOf(lastTime(events, 'deciding', id), at);
  const underWay: Part[] =
    since === null || (last !== undefined && since <= last.ended)
      ? [waitBefore(null, last, from)]
      : [waitBefore(since, last, from), { kind: 'decide', begin: since, end: null }];
  return { parts: [...parts, ...underWay], decided: null };
}

function asksOf({ began, ended, asks }: DecideTimes): Part[] {
  const parts = asks.map(([role, nth, model, begin, took, result]): Part => {
    return { kind: 'ask', begin, end: begin + took, ask: { role, nth, model, result } };
  });
  return [{ kind: 'decide', begin: began, end: ended }, ...parts.toSorted((a, b) => a.begin - b.begin)];
}

/** From the decision to the outcome. `decided`: when it was made or failed; null where all up to the first try is told. */
function voteParts(id: ProposalId, decided: number | null, { run, events, at, finished }: Around): Part[] {
  const settled = run.outcomes.get(id);
  const tries = [...(run.tried.get(id)?.vote ?? []), ...(settled?.times === undefined ? [] : [settled.times])];
  const parts = tries.flatMap((times, nth) => [
    ...(nth === 0 && decided === null ? [] : [waitBefore(times.began, tries[nth - 1], decided ?? times.began)]),
    ...stepsOf(times),
  ]);
  const begin = tries.at(-1)?.ended ?? decided;
  if (settled?.times !== undefined || begin === null) return parts;
  if (settled !== undefined) return [...parts, { kind: 'vote', begin, end: at(settled.settled_at) }];
  if (finished !== null) return parts;
  const told = (kind: 'reserved' | 'sent'): number | null => {
    const ms = lastTime(events, kind, id);
    return ms === null || at(ms) < begin ? null : at(ms);
  };
  const [reserved, sent] = [told('reserved'), told('sent')];
  const before: Part = { kind: tries.length === 0 ? 'vote' : 'put_off', begin, end: reserved };
  if (reserved === null) return [...parts, before];
  const upTo: Part[] = [...parts, before, { kind: 'sign', begin: reserved, end: sent }];
  return sent === null ? upTo : [...upTo, { kind: 'send', begin: sent, end: null }];
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
