/** Holds for tests: made as the voter service makes them, by settling a proposal of a running run. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Outcome } from '../src/outcome.ts';
import type { Hold, HoldAnswer, HoldSubject } from '../src/hold.ts';
import { holdIdOf } from '../src/ids.ts';
import type { HeldWhy } from '../src/outcome.ts';
import { createRecords } from '../src/records.ts';
import { aHash, aSpace, ballotFor, LABELS } from './samples.ts';
import { aCase, accept, type Case } from './world.ts';

export const MINUTE_MS = 60_000;

export type GivenHold = Partial<Case> & {
  readonly why?: HeldWhy;
  readonly subject?: Partial<HoldSubject>;
  /** When it is made; a hold has an hour from then on, unless it says otherwise. */
  readonly nowMs?: number;
};

/** What a run of this case would hold. */
export function aSubject(one: Case, { subject, nowMs = Date.now() }: GivenHold = {}): HoldSubject {
  const { runId, owner, voter, space, proposal } = one;
  const deadline = nowMs + 60 * MINUTE_MS;
  return {
    hold_id: holdIdOf(runId, proposal),
    owner,
    voter,
    run_id: runId,
    space_id: space,
    proposal_id: proposal,
    content_hash: aHash(),
    title: 'Repair the breakwater',
    link: 'https://snapshot.box/#/s:harbour.eth/proposal/0x1',
    voting_type: 'single-choice',
    choices: LABELS,
    end: Math.ceil(deadline / 1_000) + 120,
    deadline,
    created_at: nowMs,
    ballot: ballotFor(1),
    confidence: 0.6,
    agreement: 1,
    risk_level: 'low',
    stakes: 'low',
    reasoning: 'The breakwater must hold.',
    key_factors: ['the sum is small'],
    evidence_hash: aHash(),
    ...subject,
  };
}

export type HoldCase = Case & {
  readonly subject: HoldSubject;
  readonly read: () => Promise<Hold>;
};

/** A hold of a run of its own. */
export async function aHold(redis: Redis, given: GivenHold = {}): Promise<HoldCase> {
  const { why = 'below_confidence', nowMs = Date.now(), subject: _subject, ...fixed } = given;
  // A space of its own: an owner has one run at a time in each.
  const space = aSpace(`${randomBytes(4).toString('hex')}.eth`);
  const one: Case = { ...aCase(redis), space, ...fixed };
  await accept(one);
  await one.transitions.start(one.runId, nowMs);
  const subject = aSubject(one, given);
  const record = { outcome: Outcome.parse({ kind: 'held', why }), settled_at: nowMs };
  await one.transitions.settle({ ...one, record, held: { subject, why }, nowMs });
  const records = createRecords(redis);
  return {
    ...one,
    subject,
    async read() {
      const hold = await records.hold(subject.hold_id);
      if (hold === null) throw new Error('there is no hold');
      return hold;
    },
  };
}

/** What an owner says to a hold. */
export function anAnswerTo(subject: HoldSubject, given: Partial<HoldAnswer> = {}): HoldAnswer {
  const { hold_id, owner, run_id, space_id, proposal_id, content_hash, ballot } = subject;
  return {
    hold_id,
    owner,
    run_id,
    space_id,
    proposal_id,
    content_hash,
    answer: 'approve',
    ballot: given.answer === 'reject' ? null : ballot,
    ballot_from: 'decision',
    by: 'file',
    answered_at: subject.created_at,
    ...given,
  };
}
