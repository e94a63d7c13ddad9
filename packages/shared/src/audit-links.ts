/**
 * Whether the lines of an exported chain follow one another, and if not, what was done to which of them. It needs nothing but the
 * lines. The first place that does not fit is named; what comes behind it proves nothing any more.
 *
 *   the line is no record, or has another hash than it says        changed
 *   it names a record that stands earlier, not the last one        added: the chain goes on from there, so what is between is not in it
 *   it is there a second time                                      added
 *   what it names comes later in the file                          reordered
 *   what it names is nowhere, and its number is too high           dropped
 *   what it names is nowhere, and its number is the next one       changed: the one before was made anew, hash and all
 *   it names the last one, and has another number                  changed
 */
import { GENESIS, hashOfRecord, isOurRecord, readRecord, type AuditRecord } from './audit-record.ts';

/** What was done to a chain. */
export type AuditFault = {
  readonly kind: 'changed' | 'dropped' | 'added' | 'reordered' | 'cut' | 'forged' | 'inconsistent';
  /** Number of the record that it is about, or of the first that is missing. */
  readonly seq: number;
  readonly says: string;
};

export type Links =
  | { readonly kind: 'whole'; readonly records: readonly AuditRecord[] }
  /** `intact`: the records before the fault. */
  | { readonly kind: 'broken'; readonly intact: readonly AuditRecord[]; readonly fault: AuditFault };

/** Follows the lines. With keys of the voter service also sees that each record was sealed with one of them. */
export function followLinks(lines: readonly string[], sealedWith: readonly Buffer[]): Links {
  const read = lines.map(readRecord);
  const places = new Map<string, number>([[GENESIS, 0]]);
  for (const [at, record] of read.entries()) {
    if (record !== null && !places.has(record.hash)) places.set(record.hash, at + 1);
  }
  const records: AuditRecord[] = [];
  for (const [at, record] of read.entries()) {
    const last = records.at(-1) ?? null;
    const fault =
      record === null
        ? changed((last?.seq ?? 0) + 1, `line ${at + 1} is no audit record as Quorum writes them`)
        : faultOf(record, at + 1, last, places, sealedWith);
    if (fault !== null) return { kind: 'broken', intact: records, fault };
    if (record !== null) records.push(record);
  }
  return { kind: 'whole', records };
}

function faultOf(
  record: AuditRecord,
  number: number,
  last: AuditRecord | null,
  places: ReadonlyMap<string, number>,
  sealedWith: readonly Buffer[],
): AuditFault | null {
  const { seq, prev, voter } = record;
  const expected = { seq: (last?.seq ?? 0) + 1, prev: last?.hash ?? GENESIS };
  if (hashOfRecord(record) !== record.hash) return changed(expected.seq, 'its hash is not that of what it says');
  if (prev !== expected.prev || seq !== expected.seq) return brokenAt(number, record, expected, places);
  if (last !== null && voter !== last.voter) return { kind: 'added', seq, says: `it is of another voter, ${voter}` };
  // Without a key a forger who makes all that follows anew is found by anchors alone.
  if (sealedWith.length > 0 && !sealedWith.some((key) => isOurRecord(record, key))) {
    return { kind: 'forged', seq, says: 'it was not sealed with a key of this voter service' };
  }
  return null;
}

function brokenAt(
  number: number,
  record: AuditRecord,
  expected: { readonly seq: number; readonly prev: string },
  places: ReadonlyMap<string, number>,
): AuditFault {
  const { seq, prev } = record;
  if (prev === expected.prev) return changed(expected.seq, `its number is ${seq}`);
  const first = places.get(record.hash) ?? number;
  if (first < number) return { kind: 'added', seq, says: `line ${number} repeats line ${first}` };
  const names = places.get(prev);
  if (names !== undefined && names > number) {
    return { kind: 'reordered', seq, says: `line ${number} stands before line ${names}, which it follows` };
  }
  if (names !== undefined && names < number - 1) {
    const what = names + 1 === number - 1 ? `line ${names + 1} is` : `lines ${names + 1} to ${number - 1} are`;
    return { kind: 'added', seq: names + 1, says: `${what} not of this chain: line ${number} follows line ${names}` };
  }
  if (seq > expected.seq) {
    const gap = seq - expected.seq;
    const what = gap === 1 ? `record ${expected.seq} is` : `records ${expected.seq} to ${seq - 1} are`;
    return { kind: 'dropped', seq: expected.seq, says: `${what} missing before line ${number}` };
  }
  if (seq < expected.seq) return changed(expected.seq, `it does not follow record ${expected.seq - 1}`);
  return expected.seq === 1
    ? changed(1, 'it says that something comes before it')
    : changed(expected.seq - 1, `record ${seq} follows it with another hash`);
}

function changed(seq: number, says: string): AuditFault {
  return { kind: 'changed', seq, says };
}
