/**
 * `GET /agent-run`, `GET /decisions` and `GET /evidence/:hash`: what was run, what was decided, and why. Each owner has their own,
 * and an admin everybody's.
 *
 * The name of an evidence is public, as votes are published with it; what it says is not. So it is given by the owner that it names
 * itself, and whoever is not that owner is told that there is none.
 */
import { createHash } from 'node:crypto';
import { NotFoundError, QuorumError } from '@quorum/shared/errors';
import type { DecisionsPage, RunsPage, RunSummary } from '@quorum/shared/history';
import type { OwnerId } from '@quorum/shared/ids';
import type { Metrics } from '@quorum/shared/metrics';
import type { OutcomeKind } from '@quorum/shared/outcome';
import type { Records, RunRecord } from '@quorum/shared/records';
import { tellSecurity } from '@quorum/shared/security-events';
import { Router, type Request } from 'express';
import { maySee, type Access, type Caller } from '../access.ts';
import { Evidence, LIST_DECISIONS, LIST_RUNS, READ_EVIDENCE } from '../api/history.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import { sendTagged } from '../etag.ts';
import type { RunList } from '../run-list.ts';
import { viewOf } from '../view.ts';
import { readHolds } from './agent-run.ts';

export type HistoryDeps = {
  readonly access: Access;
  readonly records: Pick<Records, 'evidence' | 'hold'>;
  readonly runList: RunList;
  readonly metrics: Pick<Metrics, 'security'>;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes of what was. */
export function historyRoutes({ access, records, runList, metrics, limitMs }: HistoryDeps): Router {
  const router = Router();
  const serve = serveOn(router, access);

  serve(LIST_RUNS, async ({ caller: callerOf, query, request, response }) => {
    const page = await askRedis(limitMs(), async (): Promise<RunsPage> => {
      const caller = await callerOf();
      const { owner, space_id: space, status, cursor = null, limit } = query();
      const { runs, odd, next } = await runList.runs(
        whose(caller, owner),
        { space, status },
        { cursor, limit, withinMs: limitMs() / 2 },
      );
      tellOdd(request, odd);
      return { runs: runs.map(summaryOf), next };
    });
    sendTagged(response, JSON.stringify(page));
  });

  serve(LIST_DECISIONS, async ({ caller: callerOf, query, request, response }) => {
    const page = await askRedis(limitMs(), async (): Promise<DecisionsPage> => {
      const caller = await callerOf();
      const { owner, space_id: space, proposal_id: proposal, outcome, cursor = null, limit } = query();
      const wanted = { space, proposal, outcome };
      const { decided, odd, next } = await runList.decided(whose(caller, owner), wanted, {
        cursor,
        limit,
        withinMs: limitMs() / 2,
      });
      tellOdd(request, odd);
      return { decisions: await viewsOf(decided), next };
    });
    sendTagged(response, JSON.stringify(page));
  });

  /** As `GET /agent-run/:id` shows them: with what became of their holds, and what was settled since. */
  async function viewsOf(
    decided: Awaited<ReturnType<RunList['decided']>>['decided'],
  ): Promise<DecisionsPage['decisions']> {
    const runs = new Set(decided.map(({ run }) => run));
    const nowMs = Date.now();
    const shown = new Map(
      await Promise.all(
        [...runs].map(async (run) => {
          const { result } = viewOf(run, await readHolds({ records }, run), nowMs);
          return [run, result] as const;
        }),
      ),
    );
    return decided.flatMap(({ run, decision }) => {
      const result = shown.get(run);
      const now = result?.decisions.find(({ proposal_id: id }) => id === decision.proposal_id);
      if (result === null || result === undefined || now === undefined) return [];
      const { run_id, space_id, dry_run, finished_at } = result;
      return [{ ...now, run_id, owner: run.owner, space_id, dry_run, finished_at }];
    });
  }

  serve(READ_EVIDENCE, async ({ caller: callerOf, params, request, response }) => {
    const text = await askRedis(limitMs(), async () => {
      const caller = await callerOf();
      const { hash } = params();
      const found = await records.evidence(hash);
      if (found === null) throw new NotFoundError('evidence');
      if (createHash('sha256').update(found).digest('hex') !== hash) {
        tellSecurity({ metrics, log: request.log }, 'evidence_altered', { evidence_hash: hash });
        throw new QuorumError('internal', 'The evidence is not what its name says.');
      }
      if (!maySee(caller, Evidence.parse(JSON.parse(found)).decision.owner)) throw new NotFoundError('evidence');
      return found;
    });
    // To the letter: its SHA-256 is its name.
    sendTagged(response, text);
  });

  return router;
}

/** Whose are asked for; null: everybody's. */
function whose(caller: Caller, wanted: OwnerId | undefined): OwnerId | null {
  if (wanted === undefined) return caller.role === 'admin' ? null : caller.owner;
  if (!maySee(caller, wanted)) throw new NotFoundError('owner');
  return wanted;
}

function tellOdd(request: Request, odd: readonly string[]): void {
  if (odd.length > 0) request.log.error({ runs: odd }, 'runs cannot be read');
}

function summaryOf(run: RunRecord): RunSummary {
  const { run_id, status, space_id, dry_run, accepted_at, started_at, finished_at, proposals, result } = viewOf(run);
  const ended = (kind: OutcomeKind): number => proposals.filter(({ outcome }) => outcome?.kind === kind).length;
  return {
    run_id,
    owner: run.owner,
    status,
    space_id,
    dry_run,
    accepted_at,
    started_at,
    finished_at,
    selected: proposals.length,
    outcomes: {
      cast: ended('cast'),
      simulated: ended('simulated'),
      held: ended('held'),
      skipped: ended('skipped'),
      failed: ended('failed'),
    },
    errors: result?.errors.length ?? 0,
    status_url: `/agent-run/${run_id}`,
  };
}
