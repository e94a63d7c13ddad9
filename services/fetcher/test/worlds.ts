/**
 * Worlds for the laws of the filter: proposals of one space in every state that it tells apart, and what their owner wants. What an
 * entry says is what the filter must find; `laws.test.ts` holds its pure parts against it, `open.test.ts` a whole opening.
 */
import { Address } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { authors, DAY_S, HOUR_S } from './samples.ts';

/** A proposal of a generated world; `left` is seconds to its end. */
export const anyEntry = fc.record({
  author: fc.constantFrom(...authors().map((author) => Address.parse(author))),
  flagged: fc.constantFrom(false, false, false, true),
  // Some ends are common, so that there are proposals of equal score.
  left: fc.oneof(fc.constantFrom(60, 119, 120, HOUR_S, DAY_S, 3 * DAY_S), fc.integer({ min: 1, max: 20 * DAY_S })),
  quorum: fc.constantFrom(0, 100),
  quorumType: fc.constantFrom('default', 'rejection'),
  scores: fc.oneof(
    fc.constant<[number, number, number]>([0, 0, 0]),
    fc.tuple(fc.nat({ max: 100 }), fc.nat({ max: 100 }), fc.nat({ max: 100 })),
  ),
  // "By us": with the voter's address. Only what the ledger knows for our own vote may be revised.
  voted: fc.constantFrom(
    'no',
    'no',
    'no',
    'by us',
    'by another',
    'outdated',
    'outdated',
    'outdated in vain',
    'outdated, its revision sent in vain',
    'up to date',
  ),
  power: fc.constantFrom('some', 'some', 'none', 'fails'),
  decided: fc.constantFrom('no', 'no', 'no', 'same', 'other text', 'other preferences'),
});

export type Entry = typeof anyEntry extends fc.Arbitrary<infer E> ? E : never;

export const anyWorld = fc.record({
  entries: fc.array(anyEntry, { maxLength: 10 }),
  limit: fc.integer({ min: 1, max: 4 }),
  blacklist: fc.subarray(authors(), { maxLength: 2 }),
  whitelist: fc.oneof(fc.constant<string[]>([]), fc.subarray(authors(), { minLength: 1 })),
  dryRun: fc.boolean(),
  hasSigner: fc.boolean(),
  revise: fc.boolean(),
});
