import { fc, test as property } from '@fast-check/vitest';
import { beforeAll, describe, expect, test } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { aChain, aVoterWithKey, COURSES, linesOf, type Cast } from '../test/audit.ts';
import { aHash } from '../test/samples.ts';
import { type AuditRecord, GENESIS, sealRecord } from './audit-record.ts';
import { HubVotes, verifyAudit, type Known } from './audit-verify.ts';
import { canonicalJson, hashOf } from './canonical.ts';

const NOTHING: Known = { heads: [], votes: [], keys: [] };
const verify = (lines: readonly string[], known: Partial<Known> = {}) => verifyAudit(lines, { ...NOTHING, ...known });
const faultsOf = (lines: readonly string[], known: Partial<Known> = {}) =>
  verify(lines, known).faults.map(({ kind, seq }) => `${kind} ${seq}`);

let cast: Cast;
let records: AuditRecord[];
let lines: string[];
beforeAll(async () => {
  ({ cast, records } = await aChain(COURSES, [0, 1, 0, 2]));
  lines = linesOf(records);
});

/** The votes of a chain as the hub would show those that stand. */
function onTheHub(all: readonly AuditRecord[]) {
  const standing = all.flatMap((record) => (record.kind === 'cast' ? [record.vote] : []));
  return all.flatMap((record) =>
    record.kind === 'reserved' && standing.includes(record.vote)
      ? [{ id: record.vote, voter: record.voter, metadata: record.message.metadata }]
      : [],
  );
}

/** As who can write to Redis and has no key would: hashes and links made anew from this record on. */
function rehashed(all: readonly AuditRecord[], from: number): string[] {
  let prev = all[from - 1]?.hash ?? GENESIS;
  return all.map((record, at) => {
    if (at < from) return canonicalJson(record);
    const { hash: _hash, ...rest } = record;
    const again = { ...rest, prev, seq: at + 1 };
    prev = hashOf(again);
    return canonicalJson({ ...again, hash: prev });
  });
}

describe('a chain as it was sealed', () => {
  test('verifies, with the key and by what the hub has, and is told of', () => {
    const verdict = verify(lines, {
      keys: [cast.key],
      heads: records.map(({ hash }) => hash),
      votes: onTheHub(records),
    });
    expect(verdict).toEqual({
      records: records.length,
      voter: cast.voter,
      head: records.at(-1)?.hash,
      votes: { cast: 3, voided: 2, open: 1 },
      relayers: [cast.relayer.address],
      restored: [],
      faults: [],
    });
  });

  test('under two keys, one after the other, verifies with both and not with one', () => {
    const anew = aHash();
    const [head, tail] = [records.slice(0, 5), records.slice(5)];
    const rekeyed = [...head];
    for (const { seq: _seq, prev: _prev, mac: _mac, hash: _hash, voter, source, sealed_at, ...fact } of tail) {
      const prev = rekeyed.at(-1)?.hash ?? '';
      const where = { seq: rekeyed.length + 1, prev, voter, source, sealed_at };
      rekeyed.push(sealRecord(fact, where, Buffer.from(anew, 'hex')));
    }
    const forged = (...keys: Buffer[]) =>
      faultsOf(linesOf(rekeyed), { keys }).filter((fault) => fault.startsWith('forged'));
    expect(forged(cast.key, Buffer.from(anew, 'hex'))).toEqual([]);
    expect(forged(cast.key)).toEqual(['forged 6']);
    expect(forged(Buffer.from(anew, 'hex'))).toEqual(['forged 1']);
  });

  test('of no record verifies, and has the head that the first vote names', () => {
    expect(verify([])).toMatchObject({ records: 0, head: GENESIS, faults: [] });
  });

  const course = fc.constantFrom(...COURSES);
  const damage = fc.constantFrom('drop', 'repeat', 'swap', 'put in', 'change', 'cut');
  property.prop(
    [
      fc.array(course, { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat({ max: 4 }), { minLength: 1 }),
      damage,
      fc.nat(),
    ],
    { numRuns: runs(60) },
  )(
    'verifies whatever its votes went through, and any damage is named where it is',
    async (courses, turns, what, any) => {
      const { records: all } = await aChain(courses, turns);
      const text = linesOf(all);
      const last = all.at(-1);
      expect(faultsOf(text)).toEqual([]);
      const at = any % (all.length - 1);
      const seq = at + 1;
      const { damaged, named } = {
        drop: { damaged: text.toSpliced(at, 1), named: `dropped ${seq}` },
        repeat: { damaged: text.toSpliced(at + 1, 0, text[at] ?? ''), named: `added ${seq}` },
        swap: {
          damaged: text.with(at, text[at + 1] ?? '').with(at + 1, text[at] ?? ''),
          named: `reordered ${seq + 1}`,
        },
        'put in': {
          damaged: text.toSpliced(at + 1, 0, text.at(0)?.replace(/"time":\d/, '"time":9') ?? ''),
          named: `changed ${seq + 1}`,
        },
        change: { damaged: text.with(at, (text[at] ?? '').replace(/"time":\d/, '"time":9')), named: `changed ${seq}` },
        cut: { damaged: text.slice(0, seq), named: `cut ${seq + 1}` },
      }[what];
      expect(faultsOf(damaged, { heads: [last?.hash ?? ''] })).toEqual([named]);
    },
  );
});

describe('a line', () => {
  test.for([
    ['spelt with other white space', (line: string) => line.replace(',', ', ')],
    ['with a field twice', (line: string) => line.replace('{', '{"kind":"cast",')],
    ['cut short', (line: string) => line.slice(0, -20)],
    ['of no JSON', () => 'x'],
  ] as const)('%s is a changed record', ([, change]) => {
    expect(faultsOf(lines.with(3, change(lines[3] ?? '')))).toEqual(['changed 4']);
  });
});

describe('records', () => {
  test('that are missing are counted', () => {
    expect(verify(lines.toSpliced(4, 3)).faults).toEqual([
      { kind: 'dropped', seq: 5, says: 'records 5 to 7 are missing before line 5' },
    ]);
    expect(faultsOf(lines.slice(1))).toEqual(['dropped 1']);
  });

  test('that were put in, well linked, are told from those that the chain goes on from', () => {
    const after = records[4];
    const extra = sealRecord(
      { kind: 'refused', entry: {}, why: 'no' },
      { seq: 6, prev: after?.hash ?? '', voter: cast.voter, source: '1-0', sealed_at: 1 },
      Buffer.alloc(32),
    );
    const damaged = lines.toSpliced(5, 0, canonicalJson(extra));
    expect(verify(damaged).faults).toEqual([
      { kind: 'added', seq: 6, says: 'line 6 is not of this chain: line 7 follows line 5' },
    ]);
    expect(faultsOf(damaged, { keys: [cast.key] })).toEqual(['forged 6']);
  });

  test('that were put in at the end are found with the key', () => {
    const extra = sealRecord(
      { kind: 'refused', entry: {}, why: 'no' },
      { ...lastPlace(), source: '1-0', sealed_at: 1 },
      Buffer.alloc(32),
    );
    expect(faultsOf([...lines, canonicalJson(extra)], { keys: [cast.key] })).toEqual([`forged ${extra.seq}`]);
  });

  test('of another voter are not of this chain', () => {
    const extra = sealRecord(
      { kind: 'refused', entry: {}, why: 'no' },
      { ...lastPlace(), voter: aVoterWithKey().voter, source: '1-0', sealed_at: 1 },
      cast.key,
    );
    expect(faultsOf([...lines, canonicalJson(extra)])).toEqual([`added ${extra.seq}`]);
  });

  test('that were moved are named: the last to the front, the first to the end', () => {
    expect(faultsOf([lines.at(-1) ?? '', ...lines.slice(0, -1)])).toEqual([`reordered ${records.length}`]);
    expect(faultsOf([...lines.slice(1), lines[0] ?? ''])).toEqual(['reordered 2']);
  });

  function lastPlace() {
    const last = records.at(-1);
    return { seq: records.length + 1, prev: last?.hash ?? '', voter: cast.voter };
  }
});

describe('a chain that was made anew from a record on', () => {
  test('is named by the next vote in it that names a record as it was', () => {
    const dropped = rehashed(records.toSpliced(2, 1), 2);
    const next = records.slice(3).find(({ kind }) => kind === 'reserved');
    expect(verify(dropped).faults).toContainEqual({
      kind: 'inconsistent',
      seq: (next?.seq ?? 0) - 1,
      says: expect.stringContaining('as the head of the chain, which does not stand before it'),
    });
    expect(faultsOf(dropped, { keys: [cast.key] })).toEqual(['forged 3']);
  });

  test('with no vote behind that, is named by a head that was noted, or by the key', () => {
    const last = records.length - 1;
    const anew = rehashed(
      records.map((record, at) => (at === last ? { ...record, sealed_at: 1 } : record)),
      last,
    );
    expect(faultsOf(anew)).toEqual([]);
    expect(faultsOf(anew, { heads: [records[last]?.hash ?? ''] })).toEqual([`cut ${records.length + 1}`]);
    expect(faultsOf(anew, { keys: [cast.key] })).toEqual([`forged ${records.length}`]);
  });
});

describe('a tail that was cut off', () => {
  test('cannot be seen in the file, and is named by a head that was noted', () => {
    expect(faultsOf(lines.slice(0, -2))).toEqual([]);
    expect(faultsOf(lines.slice(0, -2), { heads: [records.at(-1)?.hash ?? ''] })).toEqual([
      `cut ${records.length - 1}`,
    ]);
  });

  test('is named by each vote on Snapshot that names what is missing, or that no record tells of', () => {
    const reserved = records.filter(({ kind }) => kind === 'reserved');
    const second = reserved[1]?.seq ?? 0;
    const { faults } = verify(lines.slice(0, second - 1), { votes: onTheHub(records) });
    const late = onTheHub(records).slice(1);
    expect(late.length).toBeGreaterThan(1);
    expect(faults.filter(({ kind }) => kind === 'cut')).toHaveLength(late.length);
    expect(faults[0]).toEqual({
      kind: 'cut',
      seq: second,
      says: expect.stringMatching(/^vote 0x\w{64} (stands on Snapshot, and no record tells of it|names the record)/),
    });
  });

  test.for(['list', 'part', 'answer'] as const)('is found in votes as a %s', (shape) => {
    const votes = onTheHub(records).map(({ metadata, ...vote }) => ({ ...vote, metadata: JSON.parse(metadata) }));
    const given = { list: votes, part: { votes }, answer: { data: { votes } } }[shape];
    expect(faultsOf([], { votes: HubVotes.parse(given) })).toHaveLength(votes.length);
  });

  test('is not found in votes that are not ours', () => {
    const votes = [
      { id: aHash(), metadata: {} },
      { id: aHash(), metadata: '{' },
      { id: aHash(), metadata: null },
      { id: aHash(), voter: aVoterWithKey().voter, metadata: { ...metadataOf(records[0]), audit_head: aHash() } },
    ];
    expect(faultsOf(lines, { votes })).toEqual([]);
  });

  test('a vote that stands and is said to be voided is named', () => {
    const voided = records.find(({ kind }) => kind === 'voided');
    const vote = records.find(
      (record) => record.kind === 'reserved' && voided?.kind === 'voided' && record.vote === voided.vote,
    );
    const votes = [{ id: vote?.kind === 'reserved' ? vote.vote : '', metadata: metadataOf(vote) }];
    expect(faultsOf(lines, { votes })).toEqual([`inconsistent ${vote?.seq}`]);
  });

  const metadataOf = (record: AuditRecord | undefined): Record<string, unknown> =>
    record?.kind === 'reserved' ? JSON.parse(record.message.metadata) : {};
});
