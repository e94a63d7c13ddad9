/** A chain that was put back to what a backup has: it says so, and together with its other branch it accounts for every vote. */
import { beforeAll, describe, expect, test } from 'vitest';
import { aChain, aVoterWithKey, chainOf, linesOf, type Cast } from '../test/audit.ts';
import { aHash } from '../test/samples.ts';
import { GENESIS, sealRecord, type AuditFact, type AuditRecord } from './audit-record.ts';
import { verifyAudit, type Known } from './audit-verify.ts';

const TIME = Date.UTC(2026, 10, 21);

let cast: Cast;
/** Two votes one after the other; the backup was made before the second one. */
let before: AuditRecord[];
let facts: AuditFact[];
let restored: AuditRecord[];
beforeAll(async () => {
  cast = aVoterWithKey();
  const full = await aChain(
    [
      ['reserved', 'sending', 'accepted', 'cast'],
      ['reserved', 'sending', 'accepted', 'cast'],
    ],
    [0],
    cast,
  );
  before = full.records;
  facts = full.facts;
  restored = [...before.slice(0, 4), aRestore(before.slice(0, 4))];
});

/** `lost`: the chain that was replaced; null: nobody knows it. */
function aRestore(
  chain: readonly AuditRecord[],
  lost: readonly AuditRecord[] | null = before,
  more: { readonly nonce?: string } = {},
): AuditRecord {
  const { seq, hash: prev } = chain.at(-1) ?? { seq: 0, hash: GENESIS };
  const where = { seq: seq + 1, prev, voter: cast.voter, source: `${TIME}-0`, sealed_at: TIME };
  const told = { kind: 'restored', time: TIME, backup_at: TIME - 1_000 } as const;
  return sealRecord({ ...told, ...more, lost_head: lost?.at(-1)?.hash ?? null }, where, cast.key);
}

function votesOf(records: readonly AuditRecord[]): Known['votes'] {
  return records.flatMap((record) =>
    record.kind === 'reserved' ? [{ id: record.vote, voter: record.voter, metadata: record.message.metadata }] : [],
  );
}

function verify(records: readonly AuditRecord[], known: Partial<Known> = {}) {
  return verifyAudit(linesOf(records), { heads: [], votes: [], keys: [cast.key], ...known });
}
const said = (records: readonly AuditRecord[], known: Partial<Known> = {}): string[] =>
  verify(records, known).faults.map(({ kind, seq, says }) => `${kind} ${seq}: ${says}`);

test('it verifies by itself, and tells when it was restored to what', () => {
  expect(verify(restored)).toMatchObject({
    faults: [],
    votes: { cast: 1, open: 0 },
    restored: [{ seq: 5, time: TIME, backup_at: TIME - 1_000, lost_head: before.at(-1)?.hash }],
  });
});

describe('a vote that was made since the backup', () => {
  test('is missing, and the restore is named as the possible reason', () => {
    expect(said(restored, { votes: votesOf(before) })).toEqual([
      expect.stringMatching(
        /^cut 5: vote 0x\w+ stands on Snapshot, and no record tells of it \(record 5 tells.*--branch\)$/,
      ),
    ]);
    const [last] = before.slice(-1);
    expect(said(restored, { heads: [last?.hash ?? ''] })).toEqual([
      expect.stringMatching(/^cut 5: .* is not here \(record 5/),
    ]);
  });

  test('is accounted for by the other branch, and so is a head that was noted there', () => {
    const known = { votes: votesOf(before), heads: before.map(({ hash }) => hash) };
    expect(said(restored, { ...known, branches: [linesOf(before)] })).toEqual([]);
    // A branch that was cut itself accounts for what it has.
    expect(said(restored, { ...known, branches: [linesOf(before.slice(0, 5))] })).toHaveLength(4);
  });
});

describe('another branch', () => {
  test('explains nothing where no record of this chain tells of a restore: somebody made the chain anew', async () => {
    const { facts: others } = await aChain([['reserved', 'voided']], [0], cast);
    const anew = chainOf([...facts.slice(0, 4), ...others], cast);
    const known = { votes: votesOf(before), branches: [linesOf(before)] };
    expect(said(anew, known)[0]).toMatch(/no record tells of a restore behind the place/);
    expect(said(before.slice(0, 4), known)[0]).toMatch(/no record tells of a restore behind the place/);
  });

  test('must be whole itself, of this voter and sealed with its key', async () => {
    expect(said(restored, { branches: [linesOf(before.toSpliced(2, 1))] })).toEqual([
      'dropped 3: record 3 is missing before line 3 (in the other branch)',
    ]);
    const stranger = await aChain([['reserved', 'sending']]);
    expect(said(restored, { branches: [linesOf(stranger.records)] })[0]).toMatch(/^forged 1: .*other branch/);
    expect(said(restored, { keys: [], branches: [linesOf(stranger.records)] })[0]).toMatch(
      /no record tells of a restore/,
    );
    const told = chainOf([...facts, { kind: 'refused', entry: {}, why: aHash() }], cast);
    expect(said(restored, { branches: [linesOf(told)] })[0]).toMatch(/^inconsistent 9: .*in the other branch/);
  });

  test('that ends where the backup was made adds nothing, and is no fault where that is all that there was', () => {
    const chain = before.slice(0, 4);
    for (const lost of [chain, null])
      expect(said([...chain, aRestore(chain, lost)], { branches: [linesOf(chain)] })).toEqual([]);
  });

  test('whose tail was cut off is named by the restore, which says where it ended', () => {
    expect(said(restored, { branches: [linesOf(before.slice(0, -1))] })).toEqual([
      `cut 5: the chain that record 5 replaced ended with the record with the hash ${before.at(-1)?.hash}, which no branch has`,
    ]);
  });

  test('explains nothing by a restore that was put in again', () => {
    const nonce = 'ab'.repeat(8);
    const once = [...before.slice(0, 4), aRestore(before.slice(0, 4), before, { nonce })];
    const again = [...once, aRestore(once, before, { nonce })];
    expect(said(again, { branches: [linesOf(before)] })).toEqual([
      'inconsistent 6: its entry was sealed before: somebody put a copy of it in',
    ]);
  });
});

describe('a vote that was open in the backup', () => {
  const goOn = (fact: AuditFact | undefined, open: number, isRestored: boolean): string[] => {
    const chain = before.slice(0, open);
    const next = isRestored ? [...chain, aRestore(chain)] : chain;
    const { seq, hash: prev } = next.at(-1) ?? { seq: 0, hash: GENESIS };
    if (fact === undefined) throw new Error('a fact');
    const where = { seq: seq + 1, prev, voter: cast.voter, source: `${TIME}-1`, sealed_at: TIME };
    return said([...next, sealRecord(fact, where, cast.key)]);
  };

  test('may be cast without a record of its sending: that is in the other branch', () => {
    const fact = facts[3];
    const unanswered = fact?.kind === 'cast' ? { ...fact, receipt: null } : undefined;
    expect(goOn(unanswered, 1, true)).toEqual([]);
    expect(goOn(unanswered, 1, false)).toEqual(['inconsistent 2: no record tells of its sending']);
  });

  test('and nothing else is forgiven', () => {
    expect(goOn(facts[3], 1, true)).toEqual(['inconsistent 3: no record tells of its acceptance']);
    expect(goOn(facts[3], 4, true)).toEqual([expect.stringContaining('was cast before')]);
  });
});
