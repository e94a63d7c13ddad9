/**
 * The chain of a voter in Redis, and the entries that are not sealed yet. The chain is a stream whose ids are the numbers of its
 * records: Redis itself takes none twice and none out of order. Entries go as they are sealed, in the same step.
 */
import { createHash } from 'node:crypto';
import type { Address } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { EntryFields } from './audit-entry.ts';
import { GENESIS, isOurRecord, lineOf, readRecord, type AuditRecord } from './audit-record.ts';
import { QuorumError } from './errors.ts';
import { keys } from './redis-keys.ts';
import { loadScript, runScript } from './script.ts';

/** Entries or records of one read: a few hundred kilobytes. */
const PAGE = 200;

/** The end of a chain: the record that the next one follows. `line` is '' where there is none yet. */
export type Head = { readonly seq: number; readonly hash: string; readonly line: string };

const NO_RECORD: Head = { seq: 0, hash: GENESIS, line: '' };

/** An entry that waits to be sealed. */
export type Unsealed = { readonly id: string; readonly fields: EntryFields };

/** What is measured of a chain. */
export type ChainLook = {
  readonly records: number;
  readonly unsealed: number;
  /** When the last record was sealed, and when the oldest entry that waits was written, Unix milliseconds. */
  readonly sealedAtMs: number | null;
  readonly oldestUnsealedMs: number | null;
};

/** Raised where the last record of a chain is not as it was sealed. Nothing is put behind it, and no vote rests on it. */
export class ForgedHeadError extends QuorumError {
  constructor(voter: Address) {
    super('internal', `The last audit record of ${voter} is not as it was sealed.`);
    this.name = 'ForgedHeadError';
  }
}

export type AuditChain = ReturnType<typeof createAuditChain>;

/** The chains on one Redis. */
export function createAuditChain(redis: Redis) {
  const seal = loadScript('seal');

  return {
    /** The end of the chain. Throws a `ForgedHeadError` where it was not sealed with one of these keys, or was altered since. */
    async head(voter: Address, sealedWith: readonly Buffer[]): Promise<Head> {
      const [last] = await redis.xrevrange(keys.auditChain(voter), '+', '-', 'COUNT', 1);
      if (last === undefined) return NO_RECORD;
      const line = textOf(last);
      const record = readRecord(line);
      const isOurs = record !== null && sealedWith.some((key) => isOurRecord(record, key));
      if (!isOurs || record.voter !== voter || idOf(record.seq) !== last[0]) throw new ForgedHeadError(voter);
      return { seq: record.seq, hash: record.hash, line };
    },

    /** The oldest entries that are not sealed yet. */
    async unsealed(voter: Address): Promise<Unsealed[]> {
      const found = await redis.xrange(keys.auditVoter(voter), '-', '+', 'COUNT', PAGE);
      return found.map(([id, flat]) => ({ id, fields: fieldsOf(flat) }));
    },

    /** How long the chain is and what waits to be sealed, by what Redis says: it is measured, nothing rests on it. */
    async look(voter: Address): Promise<ChainLook> {
      const [records, unsealed, [last], [oldest]] = await Promise.all([
        redis.xlen(keys.auditChain(voter)),
        redis.xlen(keys.auditVoter(voter)),
        redis.xrevrange(keys.auditChain(voter), '+', '-', 'COUNT', 1),
        redis.xrange(keys.auditVoter(voter), '-', '+', 'COUNT', 1),
      ]);
      const record = last === undefined ? null : readRecord(textOf(last));
      // Redis names an entry by when it was written.
      const oldestUnsealedMs = oldest === undefined ? null : Number(oldest[0].split('-')[0]);
      return { records, unsealed, sealedAtMs: record?.sealed_at ?? null, oldestUnsealedMs };
    },

    /** Puts records behind this head and takes their entries away. False where another sealer was there: nothing is changed then. */
    async append(voter: Address, head: Head, records: readonly AuditRecord[]): Promise<boolean> {
      const reply = await runScript(
        redis,
        seal,
        [keys.auditChain(voter), keys.auditVoter(voter)],
        [
          head.seq,
          head.line === '' ? '' : createHash('sha1').update(head.line).digest('hex'),
          ...records.flatMap((record) => [record.source, lineOf(record)]),
        ],
      );
      return z.int().parse(reply) === 1;
    },

    /** All lines of a chain behind the record of this number, oldest first, a page at a time; none is empty. */
    async *pages(voter: Address, after = 0): AsyncGenerator<readonly string[], void, undefined> {
      for (let last = idOf(after); ;) {
        const found = await redis.xrange(keys.auditChain(voter), `(${last}`, '+', 'COUNT', PAGE);
        const end = found.at(-1);
        if (end === undefined) return;
        // By the id: somebody may have taken records away.
        [last] = end;
        yield found.map(textOf);
      }
    },
  };
}

const idOf = (seq: number): string => `${seq}-0`;

function textOf([, flat]: readonly [string, readonly string[]]): string {
  return flat[1] ?? '';
}

function fieldsOf(flat: readonly string[]): EntryFields {
  return Object.fromEntries(
    flat.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])),
  );
}
