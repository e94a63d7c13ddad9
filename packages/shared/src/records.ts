/**
 * The durable records that everything else is read from. A run record is one Redis hash; the records of its proposals are fields
 * of that hash, so that one read sees the whole run at one moment.
 *
 *   request, state, started_at, finished_at, cancelled, response   the run itself
 *   opening                      what the fetcher established: preferences, voter, filter counts, the selected proposals
 *   settings:<service>           what the service's first job of this run found set, of what may change while it runs
 *   decision:<proposal id>       what the decider made of it
 *   spent:<proposal id>          what models did for it, attempts that came to nothing included; added up as the budget is charged
 *   put_off:<proposal id>        when its vote was first put off, Unix milliseconds
 *   tried:<decide|vote>:<nth>:<proposal id>   when what was done in a try that came to no record (`run-tries.ts`)
 *   outcome:<proposal id>        where it ended
 *   later:<proposal id>          what became of its vote after the run had ended; the newest word
 *   packed                       all of the above that is written once, of a run that has ended (`packed-run.ts`)
 *   kept_until                   where a hold of it may wait for longer than runs are kept, Unix seconds
 *
 * A proposal's decision and outcome and the opening are written once: a second writer is told what stands.
 */
import { Address, type Proposal, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { createAnnouncements } from './announcements.ts';
import { addUsage, SealedDecision, Usage } from './decision.ts';
import { parseField, parsePrefixed } from './hash-fields.ts';
import { createHoldRecords } from './hold-records.ts';
import { createLeftRecords, LeftOver } from './left-records.ts';
import { OwnerId, RequestId, RunId } from './ids.ts';
import { createKeptTexts } from './kept-texts.ts';
import { createOpenRuns } from './open-runs.ts';
import { LedgerEntry } from './ledger-entry.ts';
import { FailedWhy, Outcome, SkippedWhy } from './outcome.ts';
import { createPacking, unpackFields } from './packed-run.ts';
import { UserPreferences } from './preferences.ts';
import { fields as fieldNames, keys } from './redis-keys.ts';
import { AgentRunResponse, FilterMetrics, RunStatus } from './run.ts';
import { DecideTimes, type Tried, VoteTimes } from './run-times.ts';
import { createTries, parseTried } from './run-tries.ts';
import { createRunFields, type Keeps } from './run-fields.ts';
import { openingEvents, outcomeEvent, readEvents, tellDeciding, type ToldEvent } from './run-events.ts';
import { createWriteOnce } from './write-once.ts';
import { uncounted, type OnWritten } from './written.ts';

/** A proposal that was chosen for a decision. */
export const Selected = z.object({
  proposal_id: ProposalId,
  content_hash: z.string(),
  title: z.string(),
  link: z.string(),
  end: z.int().describe('Unix seconds'),
  voting_power: z.number().nullable().describe("The voter's power on it; null where there is no voter"),
  takes_power_back: z
    .boolean()
    .optional()
    .describe('Whether a first vote takes power back from a delegate, or may; absent: it does not'),
});
export type Selected = z.infer<typeof Selected>;

const End = z.int().nullable().describe('Unix seconds; null: there is none');

/** What the fetcher established when it opened the run; pinned, so that a retry chooses nothing anew. */
export const Opening = z.object({
  preferences: UserPreferences,
  preferences_version: z.string(),
  preferences_applied: z.boolean(),
  dry_run: z.boolean().describe('Whether the run casts nothing, for whatever reason'),
  voter: Address.nullable(),
  errors: z.array(z.string()),
  filter_metrics: FilterMetrics,
  selected: z.array(Selected),
  closing_too_soon: z.array(ProposalId).describe('What the owner might have voted on, and no run can any more'),
  left_over: z
    .object({
      all: End,
      fresh: End,
      proposals: z
        .array(LeftOver)
        .optional()
        .describe(
          'What a live run left, the first to end before the others; absent: nothing, or it was to cast nothing',
        ),
    })
    .describe('The soonest end of what is left for a later run: of all, and of what no run has tried in vain'),
  opened_at: z.int().optional().describe('When it was established, Unix milliseconds'),
});
export type Opening = z.infer<typeof Opening>;

const Timed = { times: DecideTimes.optional() };

export const DecisionRecord = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('decided'), sealed: SealedDecision, ...Timed }),
  z.object({ kind: z.literal('failed'), why: FailedWhy, detail: z.string(), usage: Usage, ...Timed }),
  /** Not asked, and no fault: `detail` tells the owner what is in the way. */
  z.object({
    kind: z.literal('skipped'),
    why: SkippedWhy.extract(['budget']),
    detail: z.string(),
    usage: Usage,
    ...Timed,
  }),
]);
export type DecisionRecord = z.infer<typeof DecisionRecord>;

export const OutcomeRecord = z.object({
  outcome: Outcome,
  detail: z.string().optional().describe('More than the closed list says, in words for the owner'),
  by_approval: z.literal(true).optional().describe('It gave way to what the owner approved'),
  receipt: Receipt.optional(),
  settled_at: z.int().describe('Unix milliseconds'),
  times: VoteTimes.optional(),
});
export type OutcomeRecord = z.infer<typeof OutcomeRecord>;

const Milliseconds = z.string().regex(/^\d+$/).transform(Number);

/** What a service keeps for a run, by name and as text. */
const PinnedSettings = z.record(z.string(), z.string());
export type PinnedSettings = Readonly<z.infer<typeof PinnedSettings>>;

const Request = z.object({
  request_id: RequestId.optional(),
  run_id: RunId,
  owner: OwnerId,
  space_id: SpaceId,
  dry_run: z.boolean(),
  accepted_at: z.int(),
});

export type RunRecord = {
  readonly runId: RunId;
  /** The HTTP request that began it; null where a turn did. */
  readonly requestId: RequestId | null;
  readonly owner: OwnerId;
  readonly space: SpaceId;
  /** As asked for; the opening says what came of it. */
  readonly dryRun: boolean;
  readonly acceptedAtMs: number;
  readonly state: RunStatus;
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number | null;
  readonly cancelled: boolean;
  /** By service. */
  readonly settings: ReadonlyMap<string, PinnedSettings>;
  readonly opening: Opening | null;
  readonly decisions: ReadonlyMap<ProposalId, DecisionRecord>;
  readonly spent: ReadonlyMap<ProposalId, Usage>;
  /** What was tried and came to no record, by proposal. */
  readonly tried: ReadonlyMap<string, Tried>;
  readonly outcomes: ReadonlyMap<ProposalId, OutcomeRecord>;
  readonly later: ReadonlyMap<ProposalId, OutcomeRecord>;
  readonly response: AgentRunResponse | null;
};

/** A run as the vote on one of its proposals needs it: the settings of the voter service alone, what is of that proposal. */
export type RunForVote = Omit<RunRecord, 'startedAtMs' | 'finishedAtMs' | 'spent' | 'tried' | 'later' | 'response'>;

/** A run as the decision on one of its proposals needs it, likewise. */
export type RunForDecision = Omit<RunRecord, 'finishedAtMs' | 'tried' | 'outcomes' | 'later' | 'response'>;

export type Records = ReturnType<typeof createRecords>;

/** The records on one Redis. A record that does not parse is an error, never a guess. */
export function createRecords(redis: Redis, onWritten: OnWritten = uncounted) {
  const writeOnce = createWriteOnce(redis);
  const texts = createKeptTexts(redis);
  const some = createRunFields(redis);

  return {
    ...createAnnouncements(redis),
    ...createLeftRecords(redis),
    ...createHoldRecords(redis),
    ...createOpenRuns(redis),
    ...createTries(writeOnce),
    ...texts,

    /** The whole run at one moment, or null where there is none. */
    async run(runId: RunId): Promise<RunRecord | null> {
      return parseRun(runId, await unpackFields(await redis.hgetallBuffer(keys.run(runId))));
    },

    /** What a vote on one of its proposals needs of a run, at one moment: the other proposals are neither sent nor parsed. */
    async runForVote(runId: RunId, proposal: ProposalId): Promise<RunForVote | null> {
      return parseRun(runId, await some.forVote(runId, proposal));
    },

    /**
     * What a decision on one of its proposals needs of a run, at one moment. Of a run that is running, not to stop and not decided on
     * this, the settings that the service keeps for it are pinned in the step that reads; the first ones stand.
     */
    async runForDecision(runId: RunId, proposal: ProposalId, keeps: Keeps): Promise<RunForDecision | null> {
      return parseRun(runId, await some.forDecision(runId, proposal, keeps));
    },

    /** The run and what was told of it so far, oldest first, at one moment. */
    async runAndEvents(
      runId: RunId,
    ): Promise<{ readonly run: RunRecord; readonly events: readonly ToldEvent[] } | null> {
      const { fields, events } = await readEvents(redis, runId);
      const run = parseRun(runId, fields);
      return run === null ? null : { run, events };
    },

    /**
     * What was asked for and where the run is, without what its parts wrote. For ending a run whose record cannot be read
     * whole: it would block its owner and space for ever.
     */
    async runHead(runId: RunId): Promise<RunRecord | null> {
      const fields = Object.entries(await redis.hgetall(keys.run(runId)));
      return parseRun(runId, Object.fromEntries(fields.filter(([name]) => name === 'request' || name === 'state')));
    },

    /**
     * Stores the texts of what was selected, each with its content hash, and pins the opening; the first one stands. `onFirst` is
     * called where it is this one.
     */
    async open(
      runId: RunId,
      opening: Opening,
      selected: readonly (readonly [string, Proposal])[] = [],
      onFirst?: () => void,
    ): Promise<Opening> {
      // In one step: an opening without its texts could not be decided on, and Redis may have room for it and not for them.
      const packed = await texts.packProposals(selected);
      return writeOnce(runId, 'opening', opening, Opening, openingEvents(opening), onFirst, packed);
    },

    /** Pins the settings that a service keeps for the run; the first ones stand. */
    pinSettings: (runId: RunId, service: string, settings: PinnedSettings): Promise<PinnedSettings> =>
      writeOnce(runId, fieldNames.settings(service), settings, PinnedSettings),

    /** Stores a decision; the first one stands. `onFirst` is called where it is this one. */
    decide: (
      runId: RunId,
      proposal: ProposalId,
      record: DecisionRecord,
      onFirst?: () => void,
    ): Promise<DecisionRecord> => {
      const why = record.kind === 'failed' ? { why: record.why } : {};
      const event = { kind: 'decided', proposal_id: proposal, ...why } as const;
      return writeOnce(runId, `decision:${proposal}`, record, DecisionRecord, [event], onFirst);
    },

    /** What models did for a proposal of a run so far; read alone, for whoever records a failure. */
    async spent(runId: RunId, proposal: ProposalId): Promise<Usage> {
      const text = await redis.hget(keys.run(runId), fieldNames.spent(proposal));
      return parseField(text ?? undefined, Usage) ?? addUsage([]);
    },

    /** Tells that the models are being asked. */
    deciding: (runId: RunId, proposal: ProposalId): Promise<void> => tellDeciding(redis, runId, proposal),

    /** Notes that a vote is put off, and returns when it first was. */
    firstPutOff: (runId: RunId, proposal: ProposalId, nowMs: number): Promise<number> =>
      writeOnce(runId, `put_off:${proposal}`, nowMs, z.int()),

    /** Stores where a proposal ended; the first one stands. */
    settle: (runId: RunId, proposal: ProposalId, record: OutcomeRecord): Promise<OutcomeRecord> =>
      writeOnce(runId, `outcome:${proposal}`, record, OutcomeRecord, [outcomeEvent(proposal, record.outcome)], () =>
        onWritten({ kind: 'outcome', outcome: record.outcome }),
      ),

    /**
     * Packs the record of a run that has ended well, if each of its proposals has an outcome: it reads as before, and takes a sixth of
     * the room. Returns whether it did.
     */
    pack: createPacking(redis),

    async ledger(voter: Address, space: SpaceId, proposal: ProposalId): Promise<LedgerEntry | null> {
      const fields = await redis.hgetall(keys.ledger(voter, space, proposal));
      return Object.keys(fields).length === 0 ? null : LedgerEntry.parse(fields);
    },
  };
}

function parseRun(runId: RunId, fields: Readonly<Record<string, string>>): RunRecord | null {
  const { request: requestText } = fields;
  if (requestText === undefined) return null;
  const request = Request.parse(JSON.parse(requestText));
  const time = (text: string | undefined): number | null => (text === undefined ? null : Milliseconds.parse(text));
  return {
    runId,
    requestId: request.request_id ?? null,
    owner: request.owner,
    space: request.space_id,
    dryRun: request.dry_run,
    acceptedAtMs: request.accepted_at,
    state: RunStatus.parse(fields['state']),
    startedAtMs: time(fields['started_at']),
    finishedAtMs: time(fields['finished_at']),
    cancelled: fields['cancelled'] !== undefined,
    settings: parsePrefixed(fields, 'settings:', z.string(), PinnedSettings),
    opening: parseField(fields['opening'], Opening),
    decisions: parsePrefixed(fields, 'decision:', ProposalId, DecisionRecord),
    spent: parsePrefixed(fields, 'spent:', ProposalId, Usage),
    tried: parseTried(fields),
    outcomes: parsePrefixed(fields, 'outcome:', ProposalId, OutcomeRecord),
    later: parsePrefixed(fields, 'later:', ProposalId, OutcomeRecord),
    response: parseField(fields['response'], AgentRunResponse),
  };
}
