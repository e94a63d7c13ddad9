/** Each field of each record of a chain, changed in turn: the verifier names the record. */
import { beforeAll, describe, expect, test } from 'vitest';
import { aChain, COURSES, linesOf, type Cast } from '../test/audit.ts';
import { AuditRecord } from './audit-record.ts';
import { verifyAudit, type Known } from './audit-verify.ts';
import { canonicalJson, hashOf } from './canonical.ts';

const NOTHING: Known = { heads: [], votes: [], keys: [] };
const verify = (lines: readonly string[], known: Partial<Known> = {}) => verifyAudit(lines, { ...NOTHING, ...known });

let cast: Cast;
let records: AuditRecord[];
let lines: string[];
beforeAll(async () => {
  ({ cast, records } = await aChain(COURSES, [0, 1, 0, 2]));
  lines = linesOf(records);
});

describe('each field of each record, changed', () => {
  /** The same value with one leaf after the other altered. */
  function* altered(value: unknown): Generator {
    if (typeof value === 'string') yield value.endsWith('0') ? `${value.slice(0, -1)}1` : `${value.slice(0, -1)}0`;
    else if (typeof value === 'number') yield value + 1;
    else if (value === null) yield 'x';
    else if (Array.isArray(value)) {
      for (const [at, part] of value.entries()) for (const other of altered(part)) yield value.with(at, other);
    } else if (typeof value === 'object') {
      for (const [name, part] of Object.entries(value)) {
        for (const other of altered(part)) yield { ...value, [name]: other };
        yield Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
      }
      yield { ...value, more: 1 };
    }
  }

  test('is named', () => {
    let changes = 0;
    for (const [at, record] of records.entries()) {
      for (const other of altered(record)) {
        const [fault] = verify(lines.with(at, canonicalJson(other))).faults;
        expect(`${fault?.kind} ${fault?.seq}`, canonicalJson(other)).toBe(`changed ${at + 1}`);
        changes += 1;
      }
    }
    expect(changes).toBeGreaterThan(400);
  });

  test('and its hash made anew, is named by what follows it, or by the key', () => {
    for (const [at, record] of records.entries()) {
      for (const other of altered(record)) {
        const parsed = AuditRecord.safeParse(other);
        if (!parsed.success) continue;
        const { hash: _hash, ...rest } = parsed.data;
        const line = canonicalJson({ ...rest, hash: hashOf(rest) });
        if (line === lines[at]) continue; // the hash alone was altered, and is right again
        expect(verify(lines.with(at, line), { keys: [cast.key] }).faults, line).toHaveLength(1);
        if (at < records.length - 1) expect(verify(lines.with(at, line)).faults, line).not.toEqual([]);
      }
    }
  });
});
