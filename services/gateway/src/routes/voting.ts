/**
 * The kill switch: `GET /voting`, `POST /voting/pause` and `POST /voting/resume`. Each owner switches their own votes, and an
 * admin those of all; a vote is sent only while both say enabled. `reserve` and `maySend` read the records each time, so that the
 * answer of this request is the moment from which nothing more is sent.
 *
 * Resuming offers what was held for the pause, and what was approved meanwhile, without asking anybody again.
 */
import { isToBeCast } from '@quorum/shared/hold';
import type { OwnerId, RequestId } from '@quorum/shared/ids';
import type { Metrics } from '@quorum/shared/metrics';
import { tellSecurity } from '@quorum/shared/security-events';
import type { VotingRequest, VotingView } from '@quorum/shared/voting';
import { Router, type Request } from 'express';
import { requireRole, type Caller } from '../access.ts';
import { PAUSE_VOTING, READ_VOTING, RESUME_VOTING } from '../api/holds.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import { namedRequest } from '../problem.ts';
import type { HoldsDeps } from './holds.ts';

export type VotingDeps = Pick<HoldsDeps, 'access' | 'records' | 'transitions' | 'queues' | 'limitMs'> & {
  readonly metrics: Pick<Metrics, 'security'>;
  readonly votingOf: (owner: OwnerId) => Promise<{ readonly global: boolean; readonly owner: boolean }>;
};

/** The routes of the kill switch. */
export function votingRoutes(deps: VotingDeps): Router {
  const { access, limitMs } = deps;
  const router = Router();
  const serve = serveOn(router, access);

  serve(READ_VOTING, async ({ caller, answer }) => {
    const view = await askRedis(limitMs(), async () => viewOf((await caller()).owner, deps));
    answer(200, view);
  });

  serve(PAUSE_VOTING, async ({ request, caller, body, answer }) => {
    const { view } = await askRedis(limitMs(), async () => switchVoting(request, await caller(), body, false, deps));
    answer(200, view);
  });

  serve(RESUME_VOTING, async ({ request, caller, body, answer }) => {
    const { view, of } = await askRedis(limitMs(), async () => switchVoting(request, await caller(), body, true, deps));
    try {
      await askRedis(limitMs(), () => offerHolds(of, deps, namedRequest(request)));
    } catch (error) {
      // Voting has resumed; within a minute the watchdog offers what is left.
      request.log.warn({ err: error }, 'holds not offered at once');
    }
    answer(200, view);
  });

  return router;
}

/** Switches, and says whose votes that touches; null: of all owners. */
async function switchVoting(
  request: Pick<Request, 'log'>,
  { owner, by, role }: Caller,
  body: () => VotingRequest,
  enabled: boolean,
  deps: VotingDeps,
): Promise<{ readonly view: VotingView; readonly of: OwnerId | null }> {
  const { scope } = body();
  if (scope === 'all') requireRole('admin', role);
  await deps.transitions.setVoting({ owner, by, scope, enabled }, Date.now());
  const event = enabled ? 'voting_resumed' : 'voting_paused';
  tellSecurity({ metrics: deps.metrics, log: request.log }, event, { owner, scope, by });
  return { view: await viewOf(owner, deps), of: scope === 'all' ? null : owner };
}

/** Has every vote made that waits for nothing but this; of one owner, or of all owners. What is missed the watchdog finds. */
async function offerHolds(
  owner: OwnerId | null,
  { records, queues, votingOf }: VotingDeps,
  requestId: RequestId | undefined,
): Promise<void> {
  const { records: open } = await records.openHolds();
  const nowMs = Date.now();
  for (const hold of open) {
    const theirs = hold.subject.owner;
    if ((owner !== null && theirs !== owner) || !isToBeCast(hold) || nowMs >= hold.deadlineMs) continue;
    const voting = await votingOf(theirs);
    if (voting.global && voting.owner) await queues.addCast(hold, requestId);
  }
}

async function viewOf(owner: OwnerId, { votingOf }: VotingDeps): Promise<VotingView> {
  const { global: all, owner: own } = await votingOf(owner);
  return { votes: all && own, owner: own, all };
}
