/**
 * `GET /holds`, and `GET` and `POST /holds/:id`: what waits for its owner, and the owner's answer.
 *
 * An answer is sealed and recorded first, in one atomic step, and its vote is enqueued then. If the second fails, the answer is
 * 503 and the same request again enqueues what is missing; the watchdog of the fetcher does too. The first word stands: the same
 * again is 200 with what stands, another is 409.
 */
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import { stateAt, type Hold, type HoldAnswer } from '@quorum/shared/hold';
import { holdView, type HoldRequest, type HoldsView, type HoldView } from '@quorum/shared/hold-view';
import type { HoldId, RequestId } from '@quorum/shared/ids';
import type { Records } from '@quorum/shared/records';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import type { Transitions } from '@quorum/shared/transitions';
import { BallotError, sameBallot, type Ballot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { Router } from 'express';
import { maySee, type Access, type Caller } from '../access.ts';
import { ANSWER_HOLD, LIST_HOLDS, READ_HOLD } from '../api/holds.ts';
import { serveOn } from '../api/serve.ts';
import { askRedis } from '../ask-redis.ts';
import type { HoldList } from '../hold-list.ts';
import { Refusal, namedRequest } from '../problem.ts';
import type { Queues } from '../queues.ts';

export type HoldsDeps = {
  readonly access: Access;
  readonly records: Records;
  readonly holdList: HoldList;
  readonly transitions: Transitions;
  readonly queues: Queues;
  /** By which the voter service knows our answers; null: none can be given. */
  readonly answerKey: Buffer | null;
  /** The time within which a request has its answer of Redis, in milliseconds. */
  readonly limitMs: () => number;
};

/** The routes of holds. */
export function holdsRoutes(deps: HoldsDeps): Router {
  const { access, holdList, limitMs } = deps;
  const router = Router();
  const serve = serveOn(router, access);

  serve(LIST_HOLDS, async ({ request, caller, query, answer: send }) => {
    const view = await askRedis(limitMs(), async (): Promise<HoldsView> => {
      const { owner, role } = await caller();
      const { state = null, cursor = null, limit } = query();
      const nowMs = Date.now();
      const paging = { cursor, limit, nowMs, withinMs: limitMs() / 2 };
      const { holds, odd, next } = await holdList(role === 'admin' ? null : owner, state, paging);
      if (odd.length > 0) request.log.error({ holds: odd }, 'holds cannot be read');
      return { holds: holds.map((hold) => holdView(hold, nowMs)), next };
    });
    send(200, view);
  });

  serve(READ_HOLD, async ({ caller, params, answer: send }) => {
    const hold = await askRedis(limitMs(), async () => findHold(deps, await caller(), params().id));
    send(200, holdView(hold, Date.now()));
  });

  serve(ANSWER_HOLD, async ({ request, caller, params, body, answer: send }) => {
    const view = await askRedis(limitMs(), async () =>
      answer(deps, await caller(), params().id, body, namedRequest(request)),
    );
    send(200, view);
  });

  return router;
}

/** A hold of another owner is as unknown as one that never was. */
async function findHold({ records }: HoldsDeps, caller: Caller, id: HoldId): Promise<Hold> {
  const hold = await records.hold(id);
  if (hold === null || !maySee(caller, hold.subject.owner)) throw new NotFoundError('hold');
  return hold;
}

async function answer(
  deps: HoldsDeps,
  caller: Caller,
  id: HoldId,
  body: () => HoldRequest,
  requestId: RequestId | undefined,
): Promise<HoldView> {
  const hold = await findHold(deps, caller, id);
  if (hold.subject.owner !== caller.owner) {
    throw new Refusal('not-your-hold', 'An admin sees it and never answers for its owner.');
  }
  const request = body();
  if (deps.answerKey === null) {
    throw new Refusal('answers-not-set-up', 'Give the gateway and the voter service a HOLD_MAC_KEY_FILE.');
  }
  const nowMs = Date.now();
  const said = answerOf(request, hold, caller, nowMs);
  const sealed = sealAnswer(said, deps.answerKey);
  const { kind } = await deps.transitions.answerHold(hold, { kind: 'answer', sealed }, nowMs);
  const stands = await findHold(deps, caller, id);
  switch (kind) {
    case 'missing':
    case 'early':
      throw new NotFoundError('hold');
    case 'under_way': {
      const detail = 'It was sent before and may be stored. Vote on Snapshot yourself: your own vote counts.';
      throw new Refusal('hold-under-way', detail, { hold: holdView(stands, nowMs) });
    }
    case 'late':
      throw answeredBefore(stands, nowMs);
    case 'stands':
      if (!isSaidBefore(said, stands)) throw answeredBefore(stands, nowMs);
      break;
    case 'done':
      break;
  }
  // Also where it was said before: an earlier request may have got only so far.
  if (stands.state === 'approved') await deps.queues.addCast(stands, requestId);
  return holdView(stands, nowMs);
}

/** The answer as it is sealed. Throws where it names no ballot, or one that is none of this proposal. */
function answerOf({ answer: word, choice }: HoldRequest, hold: Hold, { by }: Caller, nowMs: number): HoldAnswer {
  const { subject } = hold;
  const { hold_id, owner, run_id, space_id, proposal_id, content_hash } = subject;
  const about = { hold_id, owner, run_id, space_id, proposal_id, content_hash, by, answered_at: nowMs };
  if (word === 'reject') return { ...about, answer: word, ballot: null, ballot_from: 'decision' };
  const own = choice === undefined ? null : ballotOf(choice, hold);
  const ballot = own ?? subject.ballot;
  if (ballot === null) {
    if (hold.state !== 'waiting' && hold.state !== 'failed') throw answeredBefore(hold, nowMs);
    throw new Refusal('choice-needed', 'Name a choice: the models did not agree on one.');
  }
  const isDecided = subject.ballot !== null && sameBallot(ballot, subject.ballot);
  return { ...about, answer: word, ballot, ballot_from: isDecided ? 'decision' : 'owner' };
}

/** The labels are those that the owner was shown: the voter service holds them against the proposal's own. */
function ballotOf(choice: unknown, { subject: { voting_type: type, choices } }: Hold): Ballot {
  try {
    return decodeChoice(choice, { type, choices });
  } catch (error) {
    if (!(error instanceof BallotError)) throw error;
    throw new ValidationError('The choice does not fit the proposal.', [{ path: 'choice', message: error.message }]);
  }
}

/** Whether what stands is this very answer, and what became of it. */
function isSaidBefore(said: HoldAnswer, { state, answer: sealed }: Hold): boolean {
  const before = sealed?.answer;
  if (before === undefined || before.answer !== said.answer || state === 'superseded') return false;
  if (said.ballot === null || before.ballot === null) return state === 'rejected';
  return sameBallot(said.ballot, before.ballot);
}

function answeredBefore(hold: Hold, nowMs: number): Refusal {
  const more = { hold: holdView(hold, nowMs) };
  switch (stateAt(hold, nowMs)) {
    case 'expired':
      return new Refusal(
        'hold-expired',
        'Its deadline has passed. Vote on Snapshot yourself while the proposal is open.',
        more,
      );
    case 'superseded':
      return new Refusal('hold-superseded', 'A later run voted, or asks you anew: see GET /holds.', more);
    default:
      return new Refusal('hold-answered', `It is ${stateAt(hold, nowMs)}, and that stands.`, more);
  }
}
