/** The transitions of holds and of the kill switch: a part of `transitions.ts`, by which they are reached. */
import type { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { type Hold, type HoldEnd, HoldState, type HoldSubject, type SealedAnswer } from './hold.ts';
import { holdIdOf, type OwnerId, type RunId } from './ids.ts';
import type { HeldWhy, Outcome } from './outcome.ts';
import { packedField } from './packed-run.ts';
import { eventArgs, outcomeEvent } from './run-events.ts';
import type { VoteTimes } from './run-times.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import type { OnWritten } from './written.ts';
import { VOTING_ENABLED, VOTING_PAUSED } from './voting.ts';

/** What a hold that waits depends on, of what a proposal came to. What was approved may come to nothing yet. */
type Settled = { readonly outcome: Outcome; readonly by_approval?: true | undefined };

/** One proposal of a live run, and for whom it is voted on. */
export type Settling<R> = {
  readonly owner: OwnerId;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly runId: RunId;
  readonly record: R;
  /** What is held, where the outcome is that it is. */
  readonly held: { readonly subject: HoldSubject; readonly why: HeldWhy } | null;
  readonly nowMs: number;
};

/**
 * done: it is so now. stands: it was answered before, or has ended. late: its deadline has passed. early: it has not. under_way:
 * its vote was sent and cannot be rejected any more.
 */
export type Answering = {
  readonly kind: 'done' | 'stands' | 'late' | 'early' | 'under_way' | 'missing';
  readonly state: HoldState | null;
};

type SettledAs = Extract<HoldState, 'cast' | 'skipped' | 'failed' | 'expired'>;

const AnswerReply = z.tuple([
  z.enum(['done', 'stands', 'late', 'early', 'under_way', 'missing']),
  z.union([HoldState, z.literal('').transform(() => null)]),
]);
const SettleReply = z.tuple([z.union([HoldState, z.literal('missing')]), z.int()]);
const OutcomeReply = z.tuple([z.int(), z.string(), z.int()]);

export function createHoldTransitions(redis: Redis, onWritten: OnWritten) {
  const scripts = {
    settle: loadScript('settle'),
    answerHold: loadScript('answer-hold'),
    settleHold: loadScript('settle-hold'),
    setVoting: loadScript('set-voting'),
  };

  async function settleHold(
    { subject }: Pick<Hold, 'subject'>,
    becomes: SettledAs | 'waiting',
    { end, why, nowMs }: { readonly end?: HoldEnd; readonly why?: HeldWhy; readonly nowMs: number },
  ): Promise<HoldState | 'missing'> {
    const { hold_id: id, owner, space_id: space, proposal_id: proposal, run_id: runId } = subject;
    const reply = await runScript(
      redis,
      scripts.settleHold,
      [keys.hold(id), keys.openHolds(), keys.standingHold(owner, space, proposal), keys.auditOwner(owner)],
      [id, becomes, end === undefined ? '' : JSON.stringify(end), why ?? '', runId, proposal, nowMs],
    );
    const [state, wrote] = SettleReply.parse(reply);
    // One that waits again has waited before.
    if (wrote === 1 && becomes !== 'waiting') onWritten({ kind: 'hold', state: becomes });
    return state;
  }

  return {
    /**
     * Settles a proposal of a live run; the first outcome stands and is given back, as the text of its record. With one that is
     * held its hold is made, in the same step.
     */
    async settle<R extends Settled>(settling: Settling<R>): Promise<unknown> {
      const { owner, space, proposal, runId, record, held, nowMs } = settling;
      const { outcome } = record;
      const stood = outcome.kind === 'skipped' && outcome.why === 'already_voted' && record.by_approval !== true;
      const votedOn = outcome.kind === 'cast' || stood;
      const id = holdIdOf(runId, proposal);
      const reply = await runScript(
        redis,
        scripts.settle,
        [
          keys.run(runId),
          keys.hold(id),
          keys.standingHold(owner, space, proposal),
          keys.holdsOf(owner),
          keys.holds(),
          keys.openHolds(),
          keys.auditOwner(owner),
          keys.proposal(held?.subject.content_hash ?? ''),
          keys.evidence(held?.subject.evidence_hash ?? ''),
          keys.runEvents(runId),
        ],
        [
          runId,
          proposal,
          JSON.stringify(record),
          votedOn || held !== null ? '1' : '0',
          id,
          held === null ? '' : JSON.stringify(held.subject),
          held?.why ?? '',
          held?.subject.deadline ?? 0,
          RETENTION_S.hold,
          nowMs,
          ...eventArgs(outcomeEvent(proposal, outcome, held === null ? undefined : id)),
        ],
      );
      if (reply === null) {
        // A run is packed only once each of its proposals has an outcome.
        return JSON.parse(z.string().parse(await packedField(redis, runId, `outcome:${proposal}`)));
      }
      const [wrote, stands, superseded] = OutcomeReply.parse(reply);
      if (wrote === 1) onWritten({ kind: 'outcome', outcome });
      if (wrote === 1 && held !== null) onWritten({ kind: 'hold', state: 'waiting' });
      if (superseded === 1) onWritten({ kind: 'hold', state: 'superseded' });
      return JSON.parse(stands);
    },

    /** Takes an owner's answer to a hold, or the word that nobody gave one. */
    async answerHold(
      { subject }: Pick<Hold, 'subject'>,
      said: { readonly kind: 'answer'; readonly sealed: SealedAnswer } | { readonly kind: 'expire' },
      nowMs: number,
    ): Promise<Answering> {
      const { hold_id: id, owner, voter, space_id: space, proposal_id: proposal, run_id: runId } = subject;
      const reply = await runScript(
        redis,
        scripts.answerHold,
        [
          keys.hold(id),
          keys.ledger(voter, space, proposal),
          keys.openHolds(),
          keys.standingHold(owner, space, proposal),
          keys.auditOwner(owner),
        ],
        [
          said.kind === 'expire' ? 'expire' : said.sealed.answer.answer,
          id,
          said.kind === 'expire' ? '' : JSON.stringify(said.sealed),
          runId,
          proposal,
          nowMs,
        ],
      );
      const [kind, state] = AnswerReply.parse(reply);
      if (kind === 'done' && state !== null) onWritten({ kind: 'hold', state });
      return { kind, state };
    },

    /** Ends a hold by what became of its vote. Returns the state that stands. */
    settleHold: (hold: Pick<Hold, 'subject'>, as: SettledAs, end: HoldEnd, nowMs: number) =>
      settleHold(hold, as, { end, nowMs }),

    /** Lets a hold that waited for a pause to end wait for its owner. Returns the state that stands. */
    askAfterAll: (hold: Pick<Hold, 'subject'>, why: HeldWhy, nowMs: number) =>
      settleHold(hold, 'waiting', { why, nowMs }),

    /** Notes when its vote was first put off since it was approved. Its key is kept for long after its last try: none is made anew here. */
    async noteHoldPutOff({ subject }: Pick<Hold, 'subject'>, times: VoteTimes): Promise<void> {
      await redis.hsetnx(keys.hold(subject.hold_id), 'put_off', JSON.stringify(times));
    },

    /** Pauses or resumes voting, for an owner alone or for all; `owner` is who says so. */
    async setVoting({ owner, by, scope, enabled }: VotingWish, nowMs: number): Promise<void> {
      const record = scope === 'all' ? keys.votingGlobal() : keys.votingOwner(owner);
      const state = enabled ? VOTING_ENABLED : VOTING_PAUSED;
      await runScript(redis, scripts.setVoting, [record, keys.auditOwner(owner)], [state, scope, by, nowMs]);
    },
  };
}

export type VotingWish = {
  readonly owner: OwnerId;
  /** By which API key it is said. */
  readonly by: string;
  readonly scope: 'owner' | 'all';
  readonly enabled: boolean;
};
