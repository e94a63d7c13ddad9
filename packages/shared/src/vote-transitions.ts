/** The transitions of votes: a part of `transitions.ts`, which draws them and by which they are reached. */
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Receipt } from '@quorum/snapshot/receipt';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { entryArgs } from './audit-entry.ts';
import type { HoldId, OwnerId, RunId } from './ids.ts';
import { Counted } from './outcome.ts';
import type { OutcomeRecord } from './records.ts';
import { eventArgs } from './run-events.ts';
import { fields, keys, RETENTION_S } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';
import type { OnWritten } from './written.ts';

/** The identity of one vote of ours. */
export type VoteKey = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly runId: RunId;
  /** The hold that the vote is made for; absent where the run itself makes it. */
  readonly hold?: HoldId | undefined;
};

/** A vote of ours, named by the id that its message gives it, and what time it is (Unix milliseconds). */
export type VoteNow = VoteKey & {
  readonly voteId: string;
  readonly nowMs: number;
  /** When its proposal closes, Unix milliseconds; absent where whoever settles it does not know. */
  readonly endMs?: number;
};

export type ReserveInput = VoteNow & {
  /** The stored intent, JSON; sealed by the voter service. */
  readonly intent: string;
  /** The timestamp of the signed message, Unix seconds. */
  readonly created: number;
  readonly evidenceHash: string;
  /** Of the preferences that it was decided under; `revise_votes` compares it. */
  readonly preferencesVersion: string;
  /** The id of our own vote that stands and that this one replaces; null for a first vote. */
  readonly replaces: string | null;
  readonly votesPerDay: number;
};

/** A vote of ours that the ledger does not know, and what stands there in its place. */
export type AdoptInput = VoteNow &
  Pick<ReserveInput, 'intent' | 'created'> & {
    readonly instead: { readonly state: string; readonly voteId: string } | null;
  };

const Reserved = z.enum(['reserved', 'adopted', 'settled', 'cancelled', 'voting_paused', 'vote_cap', 'expired']);
export type Reserved = z.infer<typeof Reserved>;
export type MaySend = 'yes' | 'voting_paused' | 'settled';
export type Confirmation =
  | { readonly state: 'cast'; readonly receipt: Receipt | null }
  /** `onlyUnsent`: not where leave was given to send it meanwhile. */
  | { readonly state: 'voided'; readonly why: string; readonly onlyUnsent?: true };

const ReserveReply = z.tuple([Reserved]);
const ConfirmReply = z.tuple([z.enum(['cast', 'voided', 'superseded', 'reserved']), z.int()]);

/** The transitions of votes on one Redis. They are the voter service's: its key makes their audit entries known as its own. */
export function createVoteTransitions(redis: Redis, auditKey: Buffer | null, onWritten: OnWritten) {
  const scripts = {
    reserve: loadScript('reserve'),
    maySend: loadScript('may-send'),
    keepReceipt: loadScript('keep-receipt'),
    confirm: loadScript('confirm'),
    settleLater: loadScript('settle-later'),
    adopt: loadScript('adopt'),
  };

  /** The audit entry of a vote, as its script takes it. */
  function entryOf(
    { voter, runId, proposal, voteId, nowMs }: VoteNow,
    kind: string,
    more: Readonly<Record<string, string>>,
  ): string[] {
    const entry = { kind, time: String(nowMs), run: runId, proposal, vote: voteId, ...more };
    return entryArgs(voter, entry, auditKey);
  }

  return {
    /**
     * Asks whether a vote may be made, and stores its intent if nothing stands in the way. `adopted`: an intent or a vote is
     * already there; read the ledger and go on with that one. `settled`: its run has an outcome there by now; of a hold never.
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
          holdKey(input),
          keys.runEvents(input.runId),
        ],
        [
          input.runId,
          input.voteId,
          input.intent,
          input.created,
          input.nowMs,
          input.votesPerDay,
          RETENTION_S.voteCap,
          input.preferencesVersion,
          input.replaces ?? '',
          input.hold ?? '',
          fields.outcome(input.proposal),
          ...eventArgs({ kind: 'reserved', proposal_id: input.proposal, vote_id: input.voteId }),
          ...entryOf(input, 'reserved', { evidence: input.evidenceHash, intent: input.intent }),
        ],
      );
      return ReserveReply.parse(reply)[0];
    },

    /**
     * Asked right before every send: `settled` means that this intent no longer waits to be sent, or that its run has an
     * outcome there by now. `envelopeHash` names what would be sent.
     */
    async maySend(vote: VoteNow & { readonly envelopeHash: string }): Promise<MaySend> {
      const reply = await runScript(
        redis,
        scripts.maySend,
        [
          keys.ledger(vote.voter, vote.space, vote.proposal),
          keys.votingGlobal(),
          keys.votingOwner(vote.owner),
          keys.auditVoter(vote.voter),
          holdKey(vote),
          keys.runEvents(vote.runId),
        ],
        [
          vote.voteId,
          vote.hold ?? '',
          fields.outcome(vote.proposal),
          vote.nowMs,
          ...eventArgs({ kind: 'sent', proposal_id: vote.proposal }),
          ...entryOf(vote, 'sending', { envelope: vote.envelopeHash }),
        ],
      );
      return z.enum(['yes', 'voting_paused', 'settled']).parse(reply);
    },

    /**
     * Keeps the receipt of a vote that is not yet read back, and who signed it how: it is public now, and the receipt is checked
     * by it. False where the ledger waits for another vote by now.
     */
    async keepReceipt(
      vote: VoteNow,
      receipt: Receipt,
      signed: { readonly address: Address; readonly sig: string },
    ): Promise<boolean> {
      const text = JSON.stringify(receipt);
      const reply = await runScript(
        redis,
        scripts.keepReceipt,
        [keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [
          vote.voteId,
          text,
          ...entryOf(vote, 'accepted', { signer: signed.address, signature: signed.sig, receipt: text }),
        ],
      );
      return z.int().parse(reply) === 1;
    },

    /**
     * Settles an intent; a voided revision leads back to the vote before. Returns what became of this intent, `superseded` where
     * the ledger holds another one by now, and `reserved` where it was to be voided only unsent, and was sent.
     */
    async confirm(vote: VoteNow, confirmation: Confirmation): Promise<'cast' | 'voided' | 'superseded' | 'reserved'> {
      const { state } = confirmation;
      const receipt = state === 'cast' && confirmation.receipt !== null ? JSON.stringify(confirmation.receipt) : '';
      const why = state === 'voided' ? confirmation.why : '';
      const reply = await runScript(
        redis,
        scripts.confirm,
        [keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [
          vote.voteId,
          state,
          receipt,
          why,
          vote.nowMs,
          state === 'voided' && confirmation.onlyUnsent === true ? '1' : '',
          ...entryOf(vote, state, state === 'voided' ? { why } : receipt === '' ? {} : { receipt }),
        ],
      );
      const [stands, wrote] = ConfirmReply.parse(reply);
      const leftS = vote.endMs === undefined ? null : Math.max(0, (vote.endMs - vote.nowMs) / 1_000);
      if (wrote === 1) onWritten({ kind: 'vote', result: state, leftS });
      return stands;
    },

    /** Takes up a vote of ours that stands on the hub, as cast. False where the ledger has another entry by now than `instead`. */
    async adopt(vote: AdoptInput): Promise<boolean> {
      const { intent, created, instead } = vote;
      const reply = await runScript(
        redis,
        scripts.adopt,
        [keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [
          instead?.state ?? '',
          instead?.voteId ?? '',
          vote.runId,
          vote.voteId,
          intent,
          created,
          vote.nowMs,
          ...entryOf(vote, 'adopted', { intent }),
        ],
      );
      const taken = z.int().parse(reply) === 1;
      if (taken) onWritten({ kind: 'vote', result: 'adopted', leftS: null });
      return taken;
    },

    /**
     * Notes what became of a vote after its run had ended, and of a secret one how it counted. Returns how it counted as far as
     * is known: the first word on that stands.
     */
    async settleLater(vote: VoteNow, record: OutcomeRecord): Promise<Counted> {
      const { outcome } = record;
      const counted = outcome.kind === 'cast' ? (outcome.counted ?? 'unknown') : 'unknown';
      const reply = await runScript(
        redis,
        scripts.settleLater,
        [keys.run(vote.runId), keys.ledger(vote.voter, vote.space, vote.proposal), keys.auditVoter(vote.voter)],
        [
          fields.later(vote.proposal),
          JSON.stringify(record),
          vote.voteId,
          counted === 'unknown' ? '' : counted,
          ...entryOf(vote, 'counted', { counted }),
        ],
      );
      return Counted.parse(reply);
    },
  };
}

/** A vote that is made for no hold asks about none; the scripts take a key all the same. */
function holdKey({ hold, runId }: VoteKey): string {
  return hold === undefined ? keys.run(runId) : keys.hold(hold);
}
