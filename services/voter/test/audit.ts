/** What the tests of the voter service ask of the audit records. */
import { createAuditChain } from '@quorum/shared/audit-chain';
import { readRecord, type AuditRecord } from '@quorum/shared/audit-record';
import { verifyAudit, type Known, type Verdict } from '@quorum/shared/audit-verify';
import { keys } from '@quorum/shared/redis-keys';
import type { Address } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';

/** A command's part of a transaction's answer. */
const Streamed = z
  .tuple([z.null(), z.array(z.tuple([z.string(), z.array(z.string())]))])
  .transform(([, found]) => found);

/** Kinds of the audit records of a voter, oldest first, sealed or not: read at one moment, since the sealer moves them. */
export async function auditKinds(redis: Redis, voter: Address): Promise<string[]> {
  const reading = redis.multi().xrange(keys.auditChain(voter), '-', '+').xrange(keys.auditVoter(voter), '-', '+');
  const [chain, entries] = z.tuple([Streamed, Streamed]).parse(await reading.exec());
  const sealed = chain.map(([, [, line = '']]) => readRecord(line)?.kind ?? 'unreadable');
  return [...sealed, ...entries.map(([, flat]) => flat[flat.indexOf('kind') + 1] ?? '')];
}

/** The lines of a voter's chain, as they are exported. */
export async function exportOf(redis: Redis, voter: Address): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of createAuditChain(redis).pages(voter)) lines.push(...page);
  return lines;
}

/** The records of a voter's chain. */
export async function recordsOf(redis: Redis, voter: Address): Promise<AuditRecord[]> {
  return (await exportOf(redis, voter)).map((line) => {
    const record = readRecord(line);
    if (record === null) throw new Error(`no record: ${line}`);
    return record;
  });
}

/** What the verifier says of a voter's chain. */
export async function verdictOn(redis: Redis, voter: Address, known: Partial<Known> = {}): Promise<Verdict> {
  return verifyAudit(await exportOf(redis, voter), { heads: [], votes: [], keys: [], ...known });
}
