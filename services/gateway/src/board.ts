/**
 * Bull Board, to look at and not to touch: a job that is retried or removed by hand would change what a run comes to behind the
 * back of its records. Of a job it shows what the catalogue says that it carries, and nothing else that somebody may have put there.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { NotFoundError } from '@quorum/shared/errors';
import { HoldId, RunId } from '@quorum/shared/ids';
import { JOBS } from '@quorum/shared/jobs';
import type { Records } from '@quorum/shared/records';
import { Router } from 'express';
import { z } from 'zod';
import type { Access } from './access.ts';
import { askRedis } from './ask-redis.ts';
import { foreignApp } from './foreign-app.ts';
import { Refusal } from './problem.ts';
import type { Queues } from './queues.ts';

export const BOARD_PATH = '/admin/queues';

/** Whether a path is one of the board, as express sees it: whatever the case of its letters. */
export function isOfBoard(path: string): boolean {
  const lower = path.toLowerCase();
  return lower === BOARD_PATH || lower.startsWith(`${BOARD_PATH}/`);
}

export type BoardDeps = {
  readonly queues: Queues;
  readonly access: Access;
  readonly records: Records;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The board with every queue, for whoever operates Quorum: it shows the jobs of all owners. Mount it at `BOARD_PATH`. */
export function boardRoutes({ queues, access, records, limitMs }: BoardDeps): Router {
  const board = new ExpressAdapter().setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.all().map(adapterOf),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Quorum' } },
  });
  const pages = foreignApp(board.getRouter());

  const router = Router();
  router.use(async (request, _response, next) => {
    await askRedis(limitMs(), () => access.operatorOf(request));
    next();
  });
  // The board's own read-only mode covers the actions on a queue; this covers its whole API, whatever is added to it.
  router.use((request, _response, next) => {
    if (request.method === 'GET' || request.method === 'HEAD') return next();
    throw new Refusal('method-not-allowed', 'The board is for looking only.', { headers: { allow: 'GET, HEAD' } });
  });
  router.get('/proposal/:run/:proposal', async (request, response) => {
    const { run, proposal } = request.params;
    response.redirect(303, webLink(await askRedis(limitMs(), () => linkInRun(records, run, proposal))));
  });
  router.get('/proposal-of-hold/:hold', async (request, response) => {
    const id = HoldId.safeParse(request.params.hold).data;
    const hold = id === undefined ? null : await askRedis(limitMs(), () => records.hold(id));
    response.redirect(303, webLink(hold?.subject.link));
  });
  // The board asks without a time limit: only while Redis answers.
  router.use('/api', async (_request, _response, next) => {
    await queues.ready();
    next();
  });
  router.use(pages);
  return router;
}

type Queue = ReturnType<Queues['all']>[number];

function adapterOf(queue: Queue): BullMQAdapter {
  const isOfRuns = queue.name === 'agent-run';
  const adapter = new BullMQAdapter(queue, {
    readOnlyMode: true,
    ...(isOfRuns ? {} : { externalJobUrl: ({ data }) => proposalUrl(queue.name, data) }),
  });
  const jobs = Object.values(JOBS).filter((job) => job.queue === queue.name);
  adapter.setFormatter('data', (data: unknown) =>
    known(
      data,
      jobs.map(({ payload }) => payload),
    ),
  );
  adapter.setFormatter('returnValue', (value: unknown) =>
    known(
      value,
      jobs.map(({ result }) => result),
    ),
  );
  return adapter;
}

const HIDDEN = { hidden: 'not what the catalogue says of a job of this queue' } as const;

/** What of a value is in the first of these schemas that it fits. */
function known(value: unknown, schemas: readonly z.ZodType[]): unknown {
  if (value === null || value === undefined) return value;
  for (const schema of schemas) {
    const { data, success } = schema.safeParse(value);
    if (success) return data;
  }
  return HIDDEN;
}

const OfProposal = z.object({ run_id: z.string(), proposal_id: z.string() });
const OfHold = z.object({ hold_id: z.string() });

/** Where the board finds the proposal of a job. A job carries no link: the record of its run or hold has it. */
function proposalUrl(queue: string, data: unknown): { readonly href: string; readonly displayText: string } {
  const path = (...parts: readonly string[]): string => [BOARD_PATH, ...parts.map(encodeURIComponent)].join('/');
  const ref = OfProposal.safeParse(data).data;
  if (ref !== undefined) return { href: path('proposal', ref.run_id, ref.proposal_id), displayText: 'Proposal' };
  const hold = OfHold.safeParse(data).data;
  if (hold !== undefined) return { href: path('proposal-of-hold', hold.hold_id), displayText: 'Proposal' };
  // The board wants one for every job of a queue; this one is about no proposal.
  return { href: path('queue', queue), displayText: 'Queue' };
}

async function linkInRun(records: Records, run: string, proposal: string): Promise<string | undefined> {
  const runId = RunId.safeParse(run).data;
  const record = runId === undefined ? null : await records.run(runId);
  return record?.opening?.selected.find((one) => one.proposal_id === proposal)?.link;
}

/** The link that the hub gave is text from outside: it may lead to the web and nowhere else. */
function webLink(link: string | undefined): string {
  const protocol = link === undefined ? undefined : URL.parse(link)?.protocol;
  if (link === undefined || (protocol !== 'https:' && protocol !== 'http:'))
    throw new NotFoundError('link to a proposal');
  return link;
}
