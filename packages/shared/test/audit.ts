/** Audit chains for tests, made of votes that a real key signed and receipts that a real relayer did. */
import { buildVote, messageId, voteOfMessage, assembleEnvelope, SignedMessage } from '@quorum/snapshot/envelope';
import { Address } from '@quorum/snapshot/proposal';
import { Wallet } from 'ethers';
import { aProposal } from '../../snapshot/test/samples.ts';
import { GENESIS, lineOf, sealRecord, type AuditFact, type AuditRecord } from '../src/audit-record.ts';
import { hashOf } from '../src/canonical.ts';
import { newRunId } from '../src/ids.ts';
import { aHash, aProposalId, ballotFor } from './samples.ts';

export type Step = 'reserved' | 'sending' | 'accepted' | 'cast' | 'cast unanswered' | 'voided';

/** What may become of a vote. */
export const COURSES = [
  ['reserved', 'sending', 'accepted', 'cast'],
  ['reserved', 'sending', 'sending', 'accepted', 'cast'],
  ['reserved', 'sending', 'cast unanswered'],
  ['reserved', 'sending', 'voided'],
  ['reserved', 'voided'],
  ['reserved', 'sending'],
] as const satisfies readonly (readonly Step[])[];

const NOW_MS = Date.UTC(2026, 10, 20, 12);

/** Who votes and who relays, and the key of the voter service. */
export type Cast = ReturnType<typeof aVoterWithKey>;

export function aVoterWithKey() {
  const wallet = Wallet.createRandom();
  const relayer = Wallet.createRandom();
  return {
    voter: Address.parse(wallet.address),
    wallet,
    relayer,
    key: Buffer.from(aHash(), 'hex'),
  };
}

/** The facts of one vote, in the order in which they are asked for; `head`: of the chain when it is reserved. */
function aVoteStory({ voter, wallet, relayer }: Cast) {
  const proposal = aProposal({ id: aProposalId() });
  const about = { run: newRunId(), proposal: proposal.id };
  let message: SignedMessage | null = null;
  let receipt: Extract<AuditFact, { kind: 'accepted' }>['receipt'] | null = null;

  return async function fact(step: Step, head: string, timeMs: number): Promise<AuditFact> {
    if (message === null) {
      const evidence = aHash();
      const made = buildVote({
        voter,
        space: proposal.space,
        proposal,
        ballot: ballotFor(1),
        reason: 'because',
        app: 'quorum',
        metadata: { agent: true, evidence, audit_head: head, cast_at: new Date(timeMs).toISOString(), mac: aHash() },
        timestamp: Math.floor(timeMs / 1_000) - 86_400,
      });
      message = SignedMessage.parse(made.message);
      const vote = messageId(message);
      return { kind: 'reserved', time: timeMs, ...about, vote, evidence, message, ballot: ballotFor(1) };
    }
    const unsigned = voteOfMessage(message);
    const all = { time: timeMs, ...about, vote: messageId(message) };
    const sig = wallet.signingKey.sign(all.vote).serialized;
    const envelope = assembleEnvelope(voter, sig, unsigned);
    receipt ??= {
      id: all.vote,
      ipfs: 'bafkreib',
      relayer: { address: Address.parse(relayer.address), receipt: relayer.signMessageSync(sig) },
    };
    switch (step) {
      case 'reserved':
        throw new TypeError('a vote is reserved once');
      case 'sending':
        return { kind: 'sending', ...all, envelope: hashOf(envelope) };
      case 'accepted':
        return { kind: 'accepted', ...all, signer: voter, signature: sig, receipt };
      case 'cast':
        return { kind: 'cast', ...all, receipt };
      case 'cast unanswered':
        return { kind: 'cast', ...all, receipt: null };
      case 'voided':
        return { kind: 'voided', ...all, why: 'refused' };
    }
  };
}

/** Facts as the records of a chain. */
export function chainOf(facts: readonly AuditFact[], { voter, key }: Pick<Cast, 'voter' | 'key'>): AuditRecord[] {
  const records: AuditRecord[] = [];
  for (const fact of facts) records.push(nextRecord(records, fact, { voter, key }));
  return records;
}

function nextRecord(
  records: readonly AuditRecord[],
  fact: AuditFact,
  { voter, key }: Pick<Cast, 'voter' | 'key'>,
): AuditRecord {
  const { seq, hash: prev } = records.at(-1) ?? { seq: 0, hash: GENESIS };
  const where = { seq: seq + 1, prev, voter, source: `${NOW_MS + seq}-0`, sealed_at: NOW_MS + seq };
  return sealRecord(fact, where, key);
}

/** A chain of votes that took these courses. `turns` says whose turn it is, over and over, so that votes are told of in a mix. */
export async function aChain(
  courses: readonly (readonly Step[])[],
  turns: readonly number[] = [0],
  cast: Cast = aVoterWithKey(),
): Promise<{ readonly cast: Cast; readonly records: AuditRecord[]; readonly facts: AuditFact[] }> {
  const votes = courses.map((course) => ({ left: [...course], fact: aVoteStory(cast) }));
  const records: AuditRecord[] = [];
  const facts: AuditFact[] = [];
  for (let turn = 0; votes.some(({ left }) => left.length > 0); turn += 1) {
    const going = votes.filter(({ left }) => left.length > 0);
    const vote = going[(turns[turn % turns.length] ?? 0) % going.length];
    const step = vote?.left.shift();
    if (vote === undefined || step === undefined) continue;
    const fact = await vote.fact(step, records.at(-1)?.hash ?? GENESIS, NOW_MS + turn);
    facts.push(fact);
    records.push(nextRecord(records, fact, cast));
  }
  return { cast, records, facts };
}

export const linesOf = (records: readonly AuditRecord[]): string[] => records.map(lineOf);
