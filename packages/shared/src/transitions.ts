/**
 * Everything about a run or a vote that must be atomic. Each transition is one Lua script in `lua/`, and each writes its audit
 * record in the same step.
 *
 * A run:   (nothing) --accept--> queued --start--> running --finish--> completed | failed | cancelled
 *          cancel asks a queued or running one to stop; it is finished by whoever works it
 * A vote:  (nothing) --reserve--> reserved --maySend, send, read back--> confirm: cast | voided;  voided --reserve--> reserved
 *
 * The first word stands: `start`, `finish` and `confirm` on what is already settled change nothing and say what stands.
 */
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Receipt } from '@quorum/snapshot/receipt';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Appointment } from './appointments.ts';
import { RunId, type OwnerId } from './ids.ts';
import { fields, keys, RETENTION_S } from './redis-keys.ts';
import { RunStatus, type AgentRunResponse } from './run.ts';
import { loadScript, runScript } from './script.ts';

export type AcceptInput = {
  readonly runId: RunId;
  readonly owner: OwnerId;
  readonly space: SpaceId;
  readonly dryRun: boolean;
  /** The client's Idempotency-Key and the hash of the body that it came with. */
  readonly idempotency: { readonly key: string; readonly bodyHash: string } | null;
  readonly nowMs: number;
};

/**
 * created: a new run. joined: the owner's run of this space and kind is under way. replayed: this key had this answer before.
 * conflict: a run of the other kind is under way. mismatch: this key came before with another body.
 */
export type Accepted = {
  readonly kind: 'created' | 'joined' | 'replayed' | 'conflict' | 'mismatch';
  readonly runId: RunId;
};

/** The identity of one vote of ours. */
export type VoteKey = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly runId: RunId;
};

export type ReserveInput = VoteKey & {
  readonly voteId: string;
  /** The stored intent, JSON; its envelope is encrypted by the voter service. */
  readonly intent: string;
  /** The timestamp of the signed message, Unix seconds. */
  readonly created: number;
  readonly evidenceHash: string;
  readonly votesPerDay: number;
  readonly nowMs: number;
};

export type Reserved = 'reserved' | 'adopted' | 'cancelled' | 'voting_paused' | 'vote_cap';
export type MaySend = 'yes' | 'voting_paused' | 'settled';
export type Confirmation =
  | { readonly state: 'cast'; readonly receipt: Receipt | null }
  | { readonly state: 'voided'; readonly why: string };

export type Transitions = ReturnType<typeof createTransitions>;

const AcceptReply = z.tuple([z.enum(['created', 'joined', 'replayed', 'conflict', 'mismatch']), RunId]);
const StartReply = z.tuple([z.enum([...RunStatus.options, 'missing']), z.string()]);
const FinalReply = z.enum([...RunStatus.options, 'missing']);
const ReserveReply = z.tuple([z.enum(['reserved', 'adopted', 'cancelled', 'voting_paused', 'vote_cap'])]);
const ConfirmReply = z.enum(['cast', 'voided', 'superseded']);

/** The transitions on one Redis. */
export function createTransitions(redis: Redis) {
  const scripts = {
    accept: loadScript('accept'),
    start: loadScript('start'),
    cancel: loadScript('cancel'),
    finish: loadScript('finish'),
    reserve: loadScript('reserve'),
    maySend: loadScript('may-send'),
    keepReceipt: loadScript('keep-receipt'),
    confirm: loadScript('confirm'),
  };

  return {
    /** Accepts a run, or finds the one that already stands for this request. */
    async accept(input: AcceptInput): Promise<Accepted> {
      const { runId, owner, space, dryRun, idempotency, nowMs } = input;
      const request = { run_id: runId, owner, space_id: space, dry_run: dryRun, accepted_at: nowMs };
      const reply = await runScript(
        redis,
        scripts.accept,
        [
          keys.run(runId),
          keys.active(owner, space),
          keys.idempotency(owner, idempotency?.key ?? ''),
          keys.auditOwner(owner),
          keys.openRuns(),
        ],
        [
          runId,
          dryRun ? 'dry' : 'live',
          JSON.stringify(request),
          idempotency?.bodyHash ?? '',
          idempotency === null ? '0' : '1',
          RETENTION_S.idempotencyKey,
          nowMs,
        ],
      );
      const [kind, found] = AcceptReply.parse(reply);
      return { kind, runId: found };
    },

    /** Starts a queued run. Returns the state that stands, and 'missing' where there is no such run. */
    async start(runId: RunId, nowMs: number): Promise<RunStatus | 'missing'> {
      const [state] = StartReply.parse(await runScript(redis, scripts.start, [keys.run(runId)], [nowMs]));
      return state;
    },

    /**
     * Asks an open run to stop, and tells those who work for it. Returns the state that stands: one that has ended stays so.
     */
    async cancel(runId: RunId, owner: OwnerId, nowMs: number): Promise<RunStatus | 'missing'> {
      const reply = await runScript(
        redis,
        scripts.cancel,
        [keys.run(runId), keys.auditOwner(owner)],
        [runId, nowMs, keys.stops()],
      );
      return FinalReply.parse(reply);
    },

    /**
     * Ends an open run with its response, and makes the appointment for the next run of this kind, or calls it off. Returns the
     * final state that stands: an earlier end is never changed, nor what it appointed.
     */
    async finish(
      run: Pick<AcceptInput, 'owner' | 'dryRun'>,
      response: AgentRunResponse,
      nowMs: number,
      next: Appointment | null = null,
    ): Promise<RunStatus | 'missing'> {
      const { owner, dryRun } = run;
      const { run_id: runId, space_id: space } = response;
      const reply = await runScript(
        redis,
        scripts.finish,
        [keys.run(runId), keys.active(owner, space), keys.auditOwner(owner), keys.openRuns(), keys.appointments()],
        [
          runId,
          response.status,
          JSON.stringify(response),
          nowMs,
          RETENTION_S.finishedRun,
          fields.appointment(owner, space, dryRun),
          next === null ? '' : JSON.stringify(next),
          keys.stops(),
        ],
      );
      return FinalReply.parse(reply);
    },

    /**
     * Asks whether a vote may be made, and stores its intent if nothing stands in the way. `adopted`: an intent or a vote is
     * already there; read the ledger and go on with that one.
     */
    async reserve(input: ReserveInput): Promise<Reserved> {
      const day = new Date(input.nowMs).toISOString().slice(0, 10);
      const reply = await runScript(
        redis,
        scripts.reserve,
        [
          keys.ledger(input.voter, input.space, input.proposal),
          keys.run(input.runId),
          keys.votingGlobal(),
          keys.votingOwner(input.owner),
          keys.cap(input.voter, day),
          keys.auditVoter(input.voter),
        ],
        [
          input.runId,
          input.proposal,
          input.voteId,
          input.intent,
          input.created,
          input.nowMs,
          input.votesPerDay,
          RETENTION_S.voteCap,
          input.evidenceHash,
        ],
      );
      return ReserveReply.parse(reply)[0];
    },

    /** Asked right before every send: `settled` means that this intent no longer waits to be sent. */
    async maySend(vote: VoteKey & { readonly voteId: string; readonly nowMs: number }): Promise<MaySend> {
      const reply = await runScript(
        redis,
        scripts.maySend,
        [
          keys.ledger(vote.voter, vote.space, vote.proposal),
          keys.votingGlobal(),
          keys.votingOwner(vote.owner),
          keys.auditVoter(vote.voter),
        ],
        [vote.voteId, vote.runId, vote.proposal, vote.nowMs],
      );
      return z.enum(['yes', 'voting_paused', 'settled']).parse(reply);
    },

    /** Keeps the receipt of a vote that is not yet read back. False where the ledger waits for another vote by now. */
    async keepReceipt(
      vote: VoteKey & { readonly voteId: string; readonly nowMs: number },
      receipt: Receipt,
    ): Promise<boolean> {
      const reply = await runScript(
        redis,
        scripts.keepReceipt,
        [keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [vote.voteId, JSON.stringify(receipt), vote.runId, vote.proposal, vote.nowMs],
      );
      return z.int().parse(reply) === 1;
    },

    /** Settles an intent. Returns the state that stands; `superseded` where the ledger holds another intent by now. */
    async confirm(
      vote: VoteKey & { readonly voteId: string; readonly nowMs: number },
      confirmation: Confirmation,
    ): Promise<'cast' | 'voided' | 'superseded'> {
      const { state } = confirmation;
      const receipt = state === 'cast' && confirmation.receipt !== null ? JSON.stringify(confirmation.receipt) : '';
      const why = state === 'voided' ? confirmation.why : '';
      const reply = await runScript(
        redis,
        scripts.confirm,
        [keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [vote.voteId, state, receipt, why, vote.runId, vote.proposal, vote.nowMs],
      );
      return ConfirmReply.parse(reply);
    },
  };
}
