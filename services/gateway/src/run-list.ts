/**
 * The lists of runs and of what they decided, the latest first, a page at a time. They are read from indexes that `accept` and
 * `finish` write in the same step as the record: a run that is there is listed, for 30 days, unless it is older than the index.
 *
 * However little a filter lets through, a request reads only so much, and for so long. Then its page is short, and says where to go
 * on: one that took too long each time would be asked again in vain.
 */
import type { VoteDecision } from '@quorum/shared/decision';
import { RunId, type OwnerId } from '@quorum/shared/ids';
import { cursorOf, readCursor, readEntries, type Entry } from '@quorum/shared/newest-first';
import type { OutcomeKind } from '@quorum/shared/outcome';
import type { Records, RunRecord } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { RunStatus } from '@quorum/shared/run';
import { SpaceId, type ProposalId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** How many entries of an index one request looks at, and how many runs it reads whole, at most. */
const LOOKED_AT_MOST = 1_000;
const READ_MOST = 200;
const CHUNK = 50;

export type Paging = {
  readonly cursor: string | null;
  readonly limit: number;
  /** The time after which no more is looked at, in milliseconds. Something always is. */
  readonly withinMs: number;
};

type Page = {
  /** Runs that cannot be read. */
  readonly odd: readonly string[];
  readonly next: string | null;
};

export type RunsPage = Page & { readonly runs: readonly RunRecord[] };
export type DecidedPage = Page & {
  readonly decided: readonly { readonly run: RunRecord; readonly decision: VoteDecision }[];
};

export type RunsWanted = { readonly space?: SpaceId | undefined; readonly status?: RunStatus | undefined };
export type DecidedWanted = {
  readonly space?: SpaceId | undefined;
  readonly proposal?: ProposalId | undefined;
  readonly outcome?: OutcomeKind | undefined;
};

export type RunList = ReturnType<typeof createRunList>;

const Request = z.object({ space_id: SpaceId });

/** A record that is not what it should be, which is no fault of whoever asks for others too. */
function isUnreadable(error: unknown): boolean {
  return error instanceof z.ZodError || error instanceof SyntaxError;
}

/** The lists on one Redis. `owner` null: of all owners. */
export function createRunList(redis: Redis, records: Pick<Records, 'run'>) {
  /** Whether a run is wanted, by little of its record. One that cannot be read is: the whole record then says so. */
  async function isWanted(id: string, { space, status }: RunsWanted): Promise<boolean> {
    if (space === undefined && status === undefined) return true;
    try {
      const [request, state] = await redis.hmget(keys.run(RunId.parse(id)), 'request', 'state');
      // Kept no more.
      if (typeof request !== 'string') return false;
      const itsSpace = Request.parse(JSON.parse(request)).space_id;
      return (space === undefined || itsSpace === space) && (status === undefined || RunStatus.parse(state) === status);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return true;
    }
  }

  async function filterEntries(entries: readonly Entry[], wanted: RunsWanted): Promise<readonly boolean[]> {
    return Promise.all(entries.map(({ id }) => isWanted(id, wanted)));
  }

  /** Null: it is kept no more, or it cannot be read, which `odd` is told. */
  async function read(id: string, odd: string[]): Promise<RunRecord | null> {
    try {
      return await records.run(RunId.parse(id));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      odd.push(id);
      return null;
    }
  }

  return {
    /** The run that was accepted last comes first. */
    async runs(owner: OwnerId | null, wanted: RunsWanted, { cursor, limit, withinMs }: Paging): Promise<RunsPage> {
      const isLate = lateAfter(withinMs);
      const key = owner === null ? keys.runs() : keys.runsOf(owner);
      const found: string[] = [];
      let at = cursor === null ? null : readCursor(cursor);
      let more = true;
      for (let looked = 0; more && found.length < limit && looked < LOOKED_AT_MOST; looked += CHUNK) {
        if (looked > 0 && isLate()) break;
        const chunk = await readEntries(redis, key, { cursor: at, limit: CHUNK });
        const fits = await filterEntries(chunk.entries, wanted);
        more = chunk.more;
        for (const [place, entry] of chunk.entries.entries()) {
          if (found.length === limit) {
            more = true;
            break;
          }
          at = entry;
          if (fits[place] === true) found.push(entry.id);
        }
      }
      const odd: string[] = [];
      const runs = await Promise.all(found.map((id) => read(id, odd)));
      return { runs: runs.filter((run) => run !== null), odd, next: more && at !== null ? cursorOf(at) : null };
    },

    /** The decisions of the run that ended last come first, in the order of that run. */
    async decided(
      owner: OwnerId | null,
      { space, proposal, outcome }: DecidedWanted,
      { cursor, limit, withinMs }: Paging,
    ): Promise<DecidedPage> {
      const isLate = lateAfter(withinMs);
      const key = owner === null ? keys.decidedRuns() : keys.decidedRunsOf(owner);
      const decided: { run: RunRecord; decision: VoteDecision }[] = [];
      const odd: string[] = [];
      const isFiltered = space !== undefined || proposal !== undefined || outcome !== undefined;
      // Each of these runs has a decision at least.
      const size = isFiltered ? CHUNK : Math.min(CHUNK, limit);
      let { at, shown } = decidedCursor(cursor);
      let inclusive = true;
      let more = true;
      for (let reads = 0; more && reads < READ_MOST; reads += size) {
        if (reads > 0 && isLate()) break;
        const chunk = await readEntries(redis, key, { cursor: at, inclusive, limit: size });
        const fits = await filterEntries(chunk.entries, { space });
        const wantedRuns = chunk.entries.filter((_entry, place) => fits[place] === true);
        const runs = new Map(await Promise.all(wantedRuns.map(async ({ id }) => [id, await read(id, odd)] as const)));
        more = chunk.more;
        for (const entry of chunk.entries) {
          const run = runs.get(entry.id) ?? null;
          const skipped = entry.id === at?.id && inclusive ? shown : 0;
          for (const [number, decision] of (run?.response?.decisions ?? []).entries()) {
            if (run === null || number < skipped) continue;
            if (proposal !== undefined && decision.proposal_id !== proposal) continue;
            if (outcome !== undefined && decision.outcome.kind !== outcome) continue;
            if (decided.length === limit) return { decided, odd, next: `${cursorOf(entry)}~${number}` };
            decided.push({ run, decision });
          }
        }
        at = chunk.entries.at(-1) ?? at;
        inclusive = false;
      }
      return { decided, odd, next: more && at !== null ? `${cursorOf(at)}~${ALL_SHOWN}` : null };
    },
  };
}

/** Whether so many milliseconds have gone by since. */
function lateAfter(ms: number): () => boolean {
  const began = performance.now();
  return () => performance.now() - began >= ms;
}

/** More decisions than a run has. */
const ALL_SHOWN = 9_999;

/** A run, and how many of its decisions were shown. */
function decidedCursor(text: string | null): { at: Entry | null; shown: number } {
  const parts = /^(?<run>[^~]+~[^~]+)~(?<shown>\d+)$/.exec(text ?? '')?.groups;
  const at = readCursor(parts?.['run'] ?? '');
  return { at, shown: at === null ? 0 : Number(parts?.['shown']) };
}
