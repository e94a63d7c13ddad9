/**
 * The durable records that everything else is read from. A run record is one Redis hash; the records of its proposals are fields
 * of that hash, so that one read sees the whole run at one moment.
 *
 *   request, state, started_at, finished_at, cancelled, response   the run itself
 *   opening                      what the fetcher established: preferences, voter, filter counts, the selected proposals
 *   settings:<service>           what the service's first job of this run found set, of what may change while it runs
 *   decision:<proposal id>       what the decider made of it
 *   put_off:<proposal id>        when its vote was first put off, Unix milliseconds
 *   outcome:<proposal id>        where it ended
 *
 * A proposal's decision and outcome and the opening are written once: a second writer is told what stands.
 */
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { Address, Proposal, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { Receipt } from '@quorum/snapshot/receipt';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { createAnnouncements } from './announcements.ts';
import { SealedDecision, Usage } from './decision.ts';
import { OwnerId, RunId } from './ids.ts';
import { FailedWhy, Outcome } from './outcome.ts';
import { UserPreferences } from './preferences.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { AgentRunResponse, FilterMetrics, RunStatus } from './run.ts';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** A proposal that was chosen for a decision. */
export const Selected = z.object({
  proposal_id: ProposalId,
  content_hash: z.string(),
  title: z.string(),
  link: z.string(),
  end: z.int().describe('Unix seconds'),
  voting_power: z.number().nullable().describe("The voter's power on it; null where there is no voter"),
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
    .object({ all: End, fresh: End })
    .describe('The soonest end of what is left for a later run: of all, and of what no run has tried in vain'),
});
export type Opening = z.infer<typeof Opening>;

export const DecisionRecord = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('decided'), sealed: SealedDecision }),
  z.object({ kind: z.literal('failed'), why: FailedWhy, detail: z.string(), usage: Usage }),
]);
export type DecisionRecord = z.infer<typeof DecisionRecord>;

export const OutcomeRecord = z.object({
  outcome: Outcome,
  detail: z.string().optional().describe('More than the closed list says, in words for the owner'),
  receipt: Receipt.optional(),
  settled_at: z.int().describe('Unix milliseconds'),
});
export type OutcomeRecord = z.infer<typeof OutcomeRecord>;

const Milliseconds = z.string().regex(/^\d+$/).transform(Number);

/** What a service keeps for a run, by name and as text. */
const PinnedSettings = z.record(z.string(), z.string());
type PinnedSettings = Readonly<z.infer<typeof PinnedSettings>>;

const Request = z.object({
  run_id: RunId,
  owner: OwnerId,
  space_id: SpaceId,
  dry_run: z.boolean(),
  accepted_at: z.int(),
});

export type RunRecord = {
  readonly runId: RunId;
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
  readonly outcomes: ReadonlyMap<ProposalId, OutcomeRecord>;
  readonly response: AgentRunResponse | null;
};

/** One entry per (voter, space, proposal): the truth about our vote there. */
export const LedgerEntry = z.object({
  state: z.enum(['reserved', 'cast', 'voided']),
  run_id: RunId,
  vote_id: z.string(),
  intent: z.string().describe('What the voter service needs to send the same bytes again'),
  created: z.coerce.number().int().describe("The signed message's timestamp, Unix seconds"),
  reserved_at: z.coerce.number().int().describe('Unix milliseconds'),
  sends: z.coerce.number().int().default(0).describe('How often it was sent so far'),
  receipt: z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(Receipt)
    .optional(),
  why: z.string().optional(),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** How a live run left a proposal: held or skipped by policy, or without a vote for a reason that it would meet again. */
export type LeftAs = 'by_policy' | 'in_vain';

export type Records = ReturnType<typeof createRecords>;

/** The records on one Redis. A record that does not parse is an error, never a guess. */
export function createRecords(redis: Redis) {
  /** Writes a field of a run once, and returns what stands. */
  async function writeOnce<T>(runId: RunId, field: string, value: T, schema: z.ZodType<T>): Promise<T> {
    const key = keys.run(runId);
    const [written, stands] = await Promise.all([
      redis.hsetnx(key, field, JSON.stringify(value)),
      redis.hget(key, field),
    ]);
    if (written === 1 || stands === null) return value;
    return schema.parse(JSON.parse(stands));
  }

  return {
    ...createAnnouncements(redis),

    /** The whole run at one moment, or null where there is none. */
    async run(runId: RunId): Promise<RunRecord | null> {
      return parseRun(runId, await redis.hgetall(keys.run(runId)));
    },

    /**
     * What was asked for and where the run is, without what its parts wrote. For ending a run whose record cannot be read
     * whole: it would block its owner and space for ever.
     */
    async runHead(runId: RunId): Promise<RunRecord | null> {
      const fields = Object.entries(await redis.hgetall(keys.run(runId)));
      return parseRun(runId, Object.fromEntries(fields.filter(([name]) => name === 'request' || name === 'state')));
    },

    /** Pins the opening; the first one stands. */
    open: (runId: RunId, opening: Opening): Promise<Opening> => writeOnce(runId, 'opening', opening, Opening),

    /** Pins the settings that a service keeps for the run; the first ones stand. */
    pinSettings: (runId: RunId, service: string, settings: PinnedSettings): Promise<PinnedSettings> =>
      writeOnce(runId, `settings:${service}`, settings, PinnedSettings),

    /** Stores a decision; the first one stands. */
    decide: (runId: RunId, proposal: ProposalId, record: DecisionRecord): Promise<DecisionRecord> =>
      writeOnce(runId, `decision:${proposal}`, record, DecisionRecord),

    /** Notes that a vote is put off, and returns when it first was. */
    firstPutOff: (runId: RunId, proposal: ProposalId, nowMs: number): Promise<number> =>
      writeOnce(runId, `put_off:${proposal}`, nowMs, z.int()),

    /** Stores where a proposal ended; the first one stands. */
    settle: (runId: RunId, proposal: ProposalId, record: OutcomeRecord): Promise<OutcomeRecord> =>
      writeOnce(runId, `outcome:${proposal}`, record, OutcomeRecord),

    /** The runs that are open, oldest first. An entry that is no run's id is none, and stands in the way of no other. */
    async openRuns(): Promise<RunId[]> {
      const ids = await redis.zrange(keys.openRuns(), '0', '-1');
      return ids.flatMap((id) => RunId.safeParse(id).data ?? []);
    },

    /** Stores a proposal's text under its content hash, compressed. */
    async putProposal(contentHash: string, proposal: Proposal): Promise<void> {
      const packed = await zip(JSON.stringify(proposal));
      await redis.set(keys.proposal(contentHash), packed, 'EX', RETENTION_S.proposalText);
    },

    /** A proposal by its content hash, or null where it was never stored or has expired. */
    async proposal(contentHash: string): Promise<Proposal | null> {
      const packed = await redis.getBuffer(keys.proposal(contentHash));
      if (packed === null) return null;
      return Proposal.parse(JSON.parse((await unzip(packed)).toString('utf8')));
    },

    /** Stores the evidence behind a decision under its hash, compressed. `text` is its canonical JSON. */
    async putEvidence(evidenceHash: string, text: string): Promise<void> {
      await redis.set(keys.evidence(evidenceHash), await zip(text), 'EX', RETENTION_S.evidence);
    },

    /** The canonical JSON of an evidence record, or null. */
    async evidence(evidenceHash: string): Promise<string | null> {
      const packed = await redis.getBuffer(keys.evidence(evidenceHash));
      return packed === null ? null : (await unzip(packed)).toString('utf8');
    },

    async ledger(voter: Address, space: SpaceId, proposal: ProposalId): Promise<LedgerEntry | null> {
      const fields = await redis.hgetall(keys.ledger(voter, space, proposal));
      return Object.keys(fields).length === 0 ? null : LedgerEntry.parse(fields);
    },

    /**
     * Which of these proposals (id to content hash) an earlier live run of this owner left so, with the same text and under the
     * same preferences.
     */
    async decidedBefore(
      owner: OwnerId,
      space: SpaceId,
      proposals: ReadonlyMap<ProposalId, string>,
      preferencesVersion: string,
      left: LeftAs = 'by_policy',
    ): Promise<ReadonlySet<ProposalId>> {
      const ids = [...proposals.keys()];
      if (ids.length === 0) return new Set();
      const marks = await redis.hmget(keys.decidedBefore(owner, space), ...ids);
      return new Set(ids.filter((id, at) => marks[at] === `${left}:${proposals.get(id)}:${preferencesVersion}`));
    },

    /** Notes how a live run left these proposals, for `decidedBefore`. */
    async noteDecidedBefore(
      owner: OwnerId,
      space: SpaceId,
      proposals: ReadonlyMap<ProposalId, string>,
      preferencesVersion: string,
      left: LeftAs = 'by_policy',
    ): Promise<void> {
      if (proposals.size === 0) return;
      const key = keys.decidedBefore(owner, space);
      const marks = [...proposals].flatMap(([id, contentHash]) => [id, `${left}:${contentHash}:${preferencesVersion}`]);
      const writing = redis.multi().hset(key, ...marks);
      await writing.expire(key, RETENTION_S.decidedBefore).exec();
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
    outcomes: parsePrefixed(fields, 'outcome:', ProposalId, OutcomeRecord),
    response: parseField(fields['response'], AgentRunResponse),
  };
}

function parseField<T>(text: string | undefined, schema: z.ZodType<T>): T | null {
  return text === undefined ? null : schema.parse(JSON.parse(text));
}

function parsePrefixed<K extends z.ZodType, T>(
  fields: Readonly<Record<string, string>>,
  prefix: string,
  key: K,
  schema: z.ZodType<T>,
): ReadonlyMap<z.output<K>, T> {
  const found = Object.entries(fields).filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, text]) => [key.parse(name.slice(prefix.length)), schema.parse(JSON.parse(text))]));
}
