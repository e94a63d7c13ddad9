/** Which fault is named where, and in which words, on a chain of six plain records. */
import { Address } from '@quorum/snapshot/proposal';
import { describe, expect, test } from 'vitest';
import { aHash, anAddress } from '../test/samples.ts';
import { followLinks } from './audit-links.ts';
import { GENESIS, lineOf, sealRecord, type AuditRecord } from './audit-record.ts';

const KEY = Buffer.alloc(32, 1);
const OTHER_KEY = Buffer.alloc(32, 2);
const VOTER = Address.parse('0x70997970C51812dc3A010C7d01b50e0d17dc79C8');

type Where = { readonly seq: number; readonly prev: string; readonly voter?: Address; readonly key?: Buffer };

/** A record that says as little as one can. */
function aRecord({ seq, prev, voter = VOTER, key = KEY }: Where): AuditRecord {
  return sealRecord(
    { kind: 'refused', entry: {}, why: 'no' },
    { seq, prev, voter, source: `${seq}-0`, sealed_at: seq },
    key,
  );
}

const chain: AuditRecord[] = [];
while (chain.length < 6) chain.push(aRecord({ seq: chain.length + 1, prev: chain.at(-1)?.hash ?? GENESIS }));
const [one, two, three, four, five, six] = chain.map(lineOf);
const hashAt = (seq: number): string => chain[seq - 1]?.hash ?? GENESIS;

/** A record behind number `seq` of the chain that is none of it. */
const strange = (seq: number, prev: string = hashAt(seq - 1)): AuditRecord => aRecord({ seq, prev, key: OTHER_KEY });

function faultOf(lines: readonly (string | undefined)[], keys: readonly Buffer[] = []) {
  const links = followLinks(
    lines.map((line) => line ?? ''),
    keys,
  );
  if (links.kind === 'whole') return null;
  const { kind, seq, says } = links.fault;
  return { fault: `${kind} ${seq}: ${says}`, intact: links.intact.length };
}

describe('a chain that is whole', () => {
  test('is its records', () => {
    expect(followLinks(chain.map(lineOf), [])).toEqual({ kind: 'whole', records: chain });
    expect(followLinks([], [KEY])).toEqual({ kind: 'whole', records: [] });
  });

  test.for([[[]], [[KEY]], [[OTHER_KEY, KEY]]])('whichever of the keys sealed it (%#)', ([keys]) => {
    expect(faultOf([one, two, three], keys)).toBeNull();
  });
});

describe('the first place that does not fit is named', () => {
  const x = strange(3);
  const y = strange(4, x.hash);
  const spoilt = lineOf({ ...strange(3), hash: 'ab'.repeat(32) });
  const cases: [string, (string | undefined)[], string, number][] = [
    ['no record', [one, two, 'x', four], 'changed 3: line 3 is no audit record as Quorum writes them', 2],
    ['no record at all', ['x'], 'changed 1: line 1 is no audit record as Quorum writes them', 0],
    ['another hash', [one, two, spoilt, four], 'changed 3: its hash is not that of what it says', 2],
    ['another number', [one, two, lineOf(strange(9, hashAt(2)))], 'changed 3: its number is 9', 2],
    ['a smaller number', [one, two, lineOf(strange(2, hashAt(2)))], 'changed 3: its number is 2', 2],
    ['one twice', [one, two, three, three], 'added 3: line 4 repeats line 3', 3],
    ['an early one twice', [one, two, three, one], 'added 1: line 4 repeats line 1', 3],
    ['two in turn', [one, three, two], 'reordered 3: line 2 stands before line 3, which it follows', 1],
    ['the last in front', [three, one, two], 'reordered 3: line 1 stands before line 3, which it follows', 0],
    ['one put in', [one, two, lineOf(x), three], 'added 3: line 3 is not of this chain: line 4 follows line 2', 3],
    [
      'two put in',
      [one, two, lineOf(x), lineOf(y), three],
      'added 3: lines 3 to 4 are not of this chain: line 5 follows line 2',
      4,
    ],
    ['one left out', [one, three, four], 'dropped 2: record 2 is missing before line 2', 1],
    ['two left out', [one, four], 'dropped 2: records 2 to 3 are missing before line 2', 1],
    ['the first left out', [two, three], 'dropped 1: record 1 is missing before line 1', 0],
    ['an unknown one of before', [one, two, lineOf(strange(2, aHash()))], 'changed 3: it does not follow record 2', 2],
    [
      'something before the first',
      [lineOf(strange(1, aHash()))],
      'changed 1: it says that something comes before it',
      0,
    ],
    [
      'one made anew',
      [one, two, lineOf(strange(3, aHash())), four],
      'changed 2: record 3 follows it with another hash',
      2,
    ],
  ];
  test.for(cases)('%s', ([, lines, fault, intact]) => {
    expect(faultOf(lines)).toEqual({ fault, intact });
  });

  test('one of another voter', () => {
    const voter = anAddress();
    const other = lineOf(aRecord({ seq: 7, prev: hashAt(6), voter }));
    expect(faultOf([one, two, three, four, five, six, other])).toEqual({
      fault: `added 7: it is of another voter, ${voter}`,
      intact: 6,
    });
  });

  test('one that no key of ours sealed', () => {
    const forged = { fault: 'forged 3: it was not sealed with a key of this voter service', intact: 2 };
    expect(faultOf([one, two, lineOf(strange(3))], [KEY])).toEqual(forged);
    expect(faultOf([one, two, lineOf(strange(3))], [KEY, OTHER_KEY])).toBeNull();
  });
});
