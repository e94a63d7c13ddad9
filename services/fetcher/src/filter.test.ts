import { Address, type ProposalId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyAddress } from '../../../packages/shared/test/samples.ts';
import { anyProposals, aProposal, authors, NOW_MS, NOW_S } from '../test/samples.ts';
import { dropByHistory, partition, termsOf, type DroppedAs } from './filter.ts';

const [anna = '', boris = ''] = authors();
const at = { nowMs: NOW_MS, minTimeToVoteS: 120 };
const list = (...addresses: string[]): Address[] => addresses.map((address) => Address.parse(address));
const none = { blacklisted_proposers: [], whitelisted_proposers: [] };

describe('a proposal by its own terms', () => {
  it.for<[string, Record<string, unknown>, { black?: Address[]; white?: Address[] }, DroppedAs | null]>([
    ['is kept', {}, {}, null],
    ['by a blacklisted proposer', { author: anna }, { black: list(anna) }, 'blacklisted'],
    ['by somebody else than the blacklisted', { author: boris }, { black: list(anna) }, null],
    ['by a proposer on the whitelist', { author: anna }, { white: list(anna) }, null],
    ['by a proposer outside the whitelist', { author: boris }, { white: list(anna) }, 'not_whitelisted'],
    ['by a proposer on both lists', { author: anna }, { black: list(anna), white: list(anna) }, 'blacklisted'],
    ['flagged', { flagged: true }, {}, 'flagged'],
    ['with 119 s left', { end: NOW_S + 119 }, {}, 'closing_too_soon'],
    ['with 120 s left', { end: NOW_S + 120 }, {}, null],
    ['already over', { end: NOW_S - 1 }, {}, 'closing_too_soon'],
    ['flagged and blacklisted', { author: anna, flagged: true }, { black: list(anna) }, 'blacklisted'],
    ['flagged and not whitelisted', { author: anna, flagged: true }, { white: list(boris) }, 'not_whitelisted'],
    ['flagged and closing', { flagged: true, end: NOW_S + 1 }, {}, 'flagged'],
  ])('%s', ([, terms, { black = [], white = [] }, expected]) => {
    const preferences = { blacklisted_proposers: black, whitelisted_proposers: white };
    expect(termsOf(preferences, at)(aProposal(terms))).toBe(expected);
  });

  it('is refused whatever the case in which the hub or the owner spells the address', () => {
    const address = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
    const proposal = aProposal({ author: address.toLowerCase() });
    const black = list(`0x${address.slice(2).toUpperCase()}`);
    expect(termsOf({ ...none, blacklisted_proposers: black }, at)(proposal)).toBe('blacklisted');
  });

  it('is never kept if its proposer is blacklisted or outside a whitelist', () => {
    const anyLists = fc.record({
      blacklisted_proposers: fc.oneof(fc.subarray(list(...authors())), fc.array(anyAddress, { maxLength: 3 })),
      whitelisted_proposers: fc.oneof(fc.subarray(list(...authors())), fc.array(anyAddress, { maxLength: 3 })),
    });
    fc.assert(
      fc.property(anyProposals, anyLists, (proposals, lists) => {
        const { kept } = partition(proposals, termsOf(lists, at));
        for (const { author, flagged, end } of kept) {
          expect(lists.blacklisted_proposers).not.toContain(author);
          if (lists.whitelisted_proposers.length > 0) expect(lists.whitelisted_proposers).toContain(author);
          expect(flagged).toBe(false);
          expect(end - NOW_S).toBeGreaterThanOrEqual(120);
        }
      }),
    );
  });
});

describe('a proposal by what was done before', () => {
  const proposal = aProposal();
  const some: ReadonlySet<ProposalId> = new Set([proposal.id]);
  const nothing: ReadonlySet<ProposalId> = new Set();

  it.for([
    [nothing, nothing, null],
    [some, nothing, 'already_voted'],
    [nothing, some, 'decided_before'],
    [some, some, 'already_voted'],
  ] as const)('case %#', ([votedOn, decidedBefore, expected]) => {
    expect(dropByHistory(proposal, { votedOn, decidedBefore })).toBe(expected);
  });
});

describe('the filter', () => {
  it('keeps or counts every proposal, once', () => {
    fc.assert(
      fc.property(anyProposals, fc.boolean(), (proposals, strict) => {
        const lists = { blacklisted_proposers: list(anna), whitelisted_proposers: strict ? list(anna, boris) : [] };
        const { kept, dropped } = partition(proposals, termsOf(lists, at));
        const counted = [...dropped.values()].reduce((sum, { length }) => sum + length, 0);
        expect(kept.length + counted).toBe(proposals.length);
        expect(kept).toEqual(proposals.filter((proposal) => termsOf(lists, at)(proposal) === null));
        expect([...dropped.values()].every(({ length }) => length > 0)).toBe(true);
      }),
    );
  });
});
