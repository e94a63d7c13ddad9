import { ensNormalize } from 'ethers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Address, ProposalId, SpaceId } from './proposal.ts';

describe('a space id', () => {
  it('of small letters and digits is as ENS would have it, and any near it is taken if ENS leaves it so', () => {
    const names = fc.stringMatching(/^[a-z0-9]{1,4}([.a-zA-Z0-9_-]{0,3}\.[a-z0-9]{1,4}){0,3}$/);
    fc.assert(
      fc.property(names, (name) => {
        let normal: string | null;
        try {
          normal = ensNormalize(name);
        } catch {
          normal = null;
        }
        expect(SpaceId.safeParse(name).success).toBe(normal === name);
      }),
      { numRuns: 500 },
    );
  });

  it.for(['quorum-demo.eth', 'ens.eth', 'a.b.c.eth', 'dao.xyz', '👩‍🌾.eth', 'faß.eth'])('takes %s', (id) => {
    expect(SpaceId.parse(id)).toBe(id);
  });

  it.for([
    ['ENS.eth', 'normalised'],
    ['ens..eth', 'normalised'],
    ['e\u200bns.eth', 'normalised'],
    ['еns.eth', 'normalised'],
    ['a_b.eth', 'normalised'],
    ['ens .eth', 'white space'],
    ['ens\u0000.eth', 'white space'],
  ] as const)('refuses %j, and says why in one line', ([id, words]) => {
    const result = SpaceId.safeParse(id);
    expect(result.error?.issues.map(({ message }) => message)).toEqual([expect.stringContaining(words)]);
  });

  it.for(['', 'a'.repeat(257)])('refuses one of %j', (id) => {
    expect(SpaceId.safeParse(id).success).toBe(false);
  });
});

describe('an address', () => {
  const checksummed = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

  it('becomes the same text however it was written', () => {
    expect(Address.parse(checksummed.toLowerCase())).toBe(checksummed);
    expect(Address.parse(checksummed)).toBe(checksummed);
  });

  it.for(['', '0x', checksummed.replace('C8', 'c8'), `${checksummed}0`, checksummed.slice(2), 'vitalik.eth'])(
    'is not %j',
    (text) => {
      expect(Address.safeParse(text).success).toBe(false);
    },
  );
});

describe('a proposal id', () => {
  it('keeps its case: an older one is an IPFS hash', () => {
    const id = 'QmWbpCtwdLzxuLKnMW4Vv4MPFd2pdPX71YBKPasfZxqLUS';
    expect(ProposalId.parse(id)).toBe(id);
  });

  it.for(['', 'has space', '0x12/../34', 'a'.repeat(101)])('is not %j', (text) => {
    expect(ProposalId.safeParse(text).success).toBe(false);
  });
});
