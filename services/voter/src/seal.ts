/**
 * Seals: reads what the transitions wrote into the audit stream of each voter, and puts it behind the voter's chain.
 *
 *   read the head of the chain, and see by our keys that it is as we sealed it
 *   read the oldest entries, and make each a record: ours as what it tells, any other as `refused`
 *   put them behind that very head and take the entries away, in one step
 *
 * It may be killed anywhere, and two may do it at once: nothing is written before the last step, and that one is refused where the
 * head is another by then or an entry is gone. So a sealer that was paused cannot write late.
 */
import { AuditEntry, isOurEntry, type EntryFields } from '@quorum/shared/audit-entry';
import { ForgedHeadError, type AuditChain, type Head } from '@quorum/shared/audit-chain';
import { AuditFact, sealRecord, type AuditRecord } from '@quorum/shared/audit-record';
import { hashOf } from '@quorum/shared/canonical';
import type { JobResult } from '@quorum/shared/jobs';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import { tellSecurity } from '@quorum/shared/security-events';
import { messageId } from '@quorum/snapshot/envelope';
import type { Address } from '@quorum/snapshot/proposal';
import { openIntent } from './intent.ts';

export type SealDeps = {
  readonly auditChain: Pick<AuditChain, 'head' | 'unsealed' | 'append'>;
  readonly voterKey: Buffer;
  readonly oldVoterKeys: readonly Buffer[];
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
};

type Sealed = JobResult<'seal'>;

/** A sealer of these voters' chains. It remembers the heads that it saw, and tells where a chain became shorter since. */
export function createSealer(voters: readonly Address[], deps: SealDeps) {
  const seen = new Map<Address, Head>();

  /** Seals what there is of each voter. What is wrong with one chain is told, and the others are sealed all the same. */
  return async function sealAll(signal: AbortSignal): Promise<Sealed> {
    const total = { sealed: 0, refused: 0 };
    for (const voter of voters) {
      const { sealed, refused } = await sealVoter(voter, seen, deps, signal).catch((error: unknown): Sealed => {
        if (!(error instanceof ForgedHeadError)) throw error;
        tellSecurity(deps, 'audit_head_forged', { err: error, voter });
        return { sealed: 0, refused: 0 };
      });
      total.sealed += sealed;
      total.refused += refused;
    }
    return total;
  };
}

async function sealVoter(
  voter: Address,
  seen: Map<Address, Head>,
  deps: SealDeps,
  signal: AbortSignal,
): Promise<Sealed> {
  const { auditChain, voterKey, oldVoterKeys } = deps;
  const ourKeys = [voterKey, ...oldVoterKeys];
  const total = { sealed: 0, refused: 0 };
  for (;;) {
    signal.throwIfAborted();
    // What was seen before this question: another sealer of this process may go on while it is answered.
    const last = seen.get(voter);
    const head = await auditChain.head(voter, ourKeys);
    if (last !== undefined && (head.seq < last.seq || (head.seq === last.seq && head.hash !== last.hash))) {
      tellSecurity(deps, 'audit_rolled_back', { voter, was: last.seq, hash: last.hash, is: head.seq });
    }
    seen.set(voter, head);
    const entries = await auditChain.unsealed(voter);
    if (entries.length === 0) return total;
    const records: AuditRecord[] = [];
    for (const { id: source, fields } of entries) {
      const { seq, hash: prev } = records.at(-1) ?? head;
      const where = { seq: seq + 1, prev, voter, source, sealed_at: deps.now() };
      records.push(sealRecord(factOf(fields, voter, ourKeys), where, voterKey));
    }
    // Whoever was faster goes on with what is left.
    if (!(await auditChain.append(voter, head, records))) return total;
    const refused = records.filter(({ kind }) => kind === 'refused');
    total.sealed += records.length;
    total.refused += refused.length;
    for (const record of refused) {
      tellSecurity(deps, 'audit_entry_refused', { voter, seq: record.seq, source: record.source });
    }
  }
}

/** What an entry tells; that it is not ours, where it is not. */
function factOf(fields: EntryFields, voter: Address, ourKeys: readonly Buffer[]): AuditFact {
  const refused = (why: string): AuditFact => ({ kind: 'refused', entry: { ...fields }, why });
  const key = ourKeys.find((one) => isOurEntry(voter, fields, one));
  if (key === undefined) return refused('its code is not that of the voter service');
  const { mac: _mac, ...entry } = fields;
  const parsed = AuditEntry.safeParse(entry);
  if (!parsed.success) return refused('it does not read as an entry');
  const told = AuditFact.safeParse(toldBy(parsed.data, key));
  if (!told.success) return refused('what it holds does not fit together');
  const fact = told.data;
  if (fact.kind === 'reserved' || fact.kind === 'adopted') {
    const { message, proposal, vote } = fact;
    const fits = message.from === voter && message.proposal === proposal && messageId(message) === vote;
    if (!fits) return refused('its message is of another vote');
  }
  // A server's text may have no canonical form, in its receipt: it must not keep all that follows from being sealed.
  return hasCanonicalForm(fact) ? fact : refused('what it holds has no canonical form');
}

function toldBy(entry: AuditEntry, key: Buffer): unknown {
  switch (entry.kind) {
    case 'reserved':
    case 'adopted': {
      const { intent, ...rest } = entry;
      const opened = openIntent(intent, key);
      return { ...rest, message: opened?.message, ballot: opened?.ballot };
    }
    case 'restored':
      return { ...entry, lost_head: entry.lost_head === '' ? null : entry.lost_head };
    case 'cast':
      return { ...entry, receipt: entry.receipt ?? null };
    case 'sending':
    case 'accepted':
    case 'voided':
    case 'counted':
      return entry;
  }
}

function hasCanonicalForm(fact: AuditFact): boolean {
  try {
    hashOf(fact);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
