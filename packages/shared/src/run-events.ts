/**
 * The steps of a run as events: one stream per run, which whoever watches it reads. A step is told in the same step as the record
 * that it tells of is written. The records are the truth; events only say that one was written and when, so they are small.
 *
 *   accepted ─▶ started ─▶ fetched ─▶ selected ─▶ of each proposal:  deciding ─▶ decided ─▶ reserved ─▶ sent ─┐ ─▶ finished
 *                  cancelling: at any time before the end            cast | simulated | held | skipped | failed ◀┘
 *
 * `deciding`, `reserved` and `sent` come again where they are tried again. A stream ends with `finished`: what comes in after it (a
 * vote that was under way when its run failed) is no event of the run.
 */
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { HoldId, type RunId } from './ids.ts';
import { FailedWhy, HeldWhy, type Outcome, SkippedWhy } from './outcome.ts';
import { unpackFields } from './packed-run.ts';
import { keys } from './redis-keys.ts';
import { FilterMetrics, RunStatus } from './run.ts';

/** Of one run. A run of ten proposals that meets no difficulty tells 65. */
export const EVENTS_KEPT = 256;

const Counts = FilterMetrics.omit({ ranked: true });
const ofProposal = { proposal_id: ProposalId };

function event<K extends string, S extends z.ZodRawShape>(kind: K, what: string, shape: S) {
  return z.object({ kind: z.literal(kind), ...shape }).describe(what);
}

export const RunEvent = z.discriminatedUnion('kind', [
  event('accepted', 'The run stands, and waits for a worker', {
    space_id: SpaceId,
    dry_run: z.boolean().describe('As asked for'),
  }),
  event('started', 'A worker has taken it up', {}),
  event('fetched', 'The active proposals of the space were read and filtered; where each went', Counts.shape),
  event('selected', 'What will be decided', {
    dry_run: z.boolean().describe('Whether the run casts nothing'),
    proposals: z.array(z.object({ ...ofProposal, title: z.string().describe('Cut where it is long') })),
  }),
  event('deciding', 'The models are being asked', ofProposal),
  event('decided', 'There is a decision', {
    ...ofProposal,
    why: FailedWhy.optional().describe('Why there is none, where there is none'),
  }),
  event('reserved', 'The vote may be made: its intent is in the ledger', {
    ...ofProposal,
    vote_id: z.string().describe('The id that the vote will have on Snapshot'),
  }),
  event('sent', 'The vote is being sent', ofProposal),
  event('cast', 'The vote was accepted and read back', ofProposal),
  event('simulated', 'A dry run: it would have been cast', ofProposal),
  event('held', 'It waits for its owner', {
    ...ofProposal,
    why: HeldWhy,
    hold_id: HoldId.optional().describe('The hold to answer; a dry run has none'),
  }),
  event('skipped', 'No vote, and no fault', { ...ofProposal, why: SkippedWhy }),
  event('failed', 'No vote, by a fault', { ...ofProposal, why: FailedWhy }),
  event('cancelling', 'Somebody asked the run to stop', {}),
  event('finished', 'The run has ended', { status: RunStatus }),
]);
export type RunEvent = z.infer<typeof RunEvent>;

/** An event as it stands in its stream, by its id there. */
export type ToldEvent = { readonly id: string; readonly event: RunEvent };

/** An event as a script takes it: how many are kept, what it is, and the rest as JSON. */
export function eventArgs({ kind, ...data }: RunEvent): [number, string, string] {
  return [EVENTS_KEPT, kind, JSON.stringify(data)];
}

/** What events tell of an opening. */
type Opened = {
  readonly dry_run: boolean;
  readonly selected: readonly { readonly proposal_id: ProposalId; readonly title: string }[];
  readonly filter_metrics: FilterMetrics;
};

const MAX_TITLE = 100;

/** Titles are their authors' and may be of any length; the whole one is in the record. */
function eventTitle(title: string): string {
  const letters = Array.from(title);
  return letters.length <= MAX_TITLE ? title : `${letters.slice(0, MAX_TITLE - 1).join('')}…`;
}

/** What an opening is as events. */
export function openingEvents({ dry_run, selected, filter_metrics }: Opened): RunEvent[] {
  const proposals = selected.map(({ proposal_id, title }) => ({ proposal_id, title: eventTitle(title) }));
  return [
    { kind: 'fetched', ...Counts.parse(filter_metrics) },
    { kind: 'selected', dry_run, proposals },
  ];
}

/** What an outcome is as an event. */
export function outcomeEvent(proposal_id: ProposalId, outcome: Outcome, hold_id?: HoldId): RunEvent {
  switch (outcome.kind) {
    case 'cast':
    case 'simulated':
      return { kind: outcome.kind, proposal_id };
    case 'held':
      return { kind: 'held', proposal_id, why: outcome.why, ...(hold_id === undefined ? {} : { hold_id }) };
    case 'skipped':
      return { kind: 'skipped', proposal_id, why: outcome.why };
    case 'failed':
      return { kind: 'failed', proposal_id, why: outcome.why };
  }
}

/** The entries of a stream as Redis gives them: id, and names and values in turn. */
export const Entries = z.array(z.tuple([z.string(), z.array(z.string())]));

/** An entry of a stream; null for one that is no event: services of a later version may tell more than this one knows. */
export function parseEvent([id, [, kind, , data]]: z.infer<typeof Entries>[number]): ToldEvent | null {
  const parsed = RunEvent.safeParse({ ...parseData(data ?? ''), kind });
  return parsed.success ? { id, event: parsed.data } : null;
}

function parseData(text: string): object {
  try {
    const data: unknown = JSON.parse(text);
    return typeof data === 'object' && data !== null ? data : {};
  } catch {
    return {};
  }
}

const Reply = z.tuple([z.tuple([z.null(), z.record(z.string(), z.instanceof(Buffer))]), z.tuple([z.null(), Entries])]);

/** The record of a run as it stands in Redis, and its events up to its end, oldest first: both at one moment. */
export async function readEvents(
  redis: Redis,
  run: RunId,
): Promise<{ readonly fields: Readonly<Record<string, string>>; readonly events: readonly ToldEvent[] }> {
  const both = await redis.multi().hgetallBuffer(keys.run(run)).xrange(keys.runEvents(run), '-', '+').exec();
  const [[, raw], [, entries]] = Reply.parse(both);
  const fields = await unpackFields(raw);
  const events = entries.map(parseEvent).filter((told) => told !== null);
  const end = events.findIndex(({ event: { kind } }) => kind === 'finished');
  return { fields, events: end === -1 ? events : events.slice(0, end + 1) };
}

/** Tells what no record says: that the models are being asked. Nothing where no events of the run are kept. */
export async function tellDeciding(redis: Redis, run: RunId, proposal_id: ProposalId): Promise<void> {
  const [kept, kind, data] = eventArgs({ kind: 'deciding', proposal_id });
  await redis.xadd(keys.runEvents(run), 'NOMKSTREAM', 'MAXLEN', kept, '*', 'kind', kind, 'data', data);
}
