import { describe, expect, it } from 'vitest';
import { aProposal } from '../test/samples.ts';
import { contentHash } from './content-hash.ts';

const hash = (given: Record<string, unknown> = {}): string => contentHash(aProposal(given));

describe('the content hash', () => {
  it('is SHA-256 in hex', () => {
    expect(hash()).toMatch(/^[0-9a-f]{64}$/);
  });

  it.for([
    { id: `0x${'4f'.repeat(32)}` },
    { space: 'harbor.eth' },
    { author: '0x2618D2cC2Bcf00E5Df315311c3c4d576D2135AdA' },
    { type: 'single-choice' },
    { privacy: 'shutter' },
    { choices: ['Against', 'For', 'Abstain'] },
    { choices: ['For', 'Against', 'Abstain '] },
    { title: 'Repair the breakwater!' },
    { body: 'The northern breakwater has settled by a meter.' },
    { discussion: 'https://forum.example/1' },
    { plugins: { safeSnap: { safes: [] } } },
    { strategies: [{ name: 'erc20-balance-of', network: '10', params: { symbol: 'HBR' } }] },
    { snapshot: '21000001' },
    { quorum: 101 },
    { quorum_type: 'rejection' },
    { start: 1_795_000_101 },
    { end: 1_795_600_001 },
  ])('changes with %j', (change) => {
    expect(hash(change)).not.toBe(hash());
  });

  it.for([
    { scores: [11, 5, 0] },
    { scores_total: 16 },
    { scores_state: 'final' },
    { votes: 4 },
    { state: 'closed' },
    { flagged: true },
    { link: '' },
    { network: '10' },
    { created: 1_795_000_001 },
  ])('does not change with %j', (change) => {
    expect(hash(change)).toBe(hash());
  });

  it('does not depend on the order in which the hub wrote the keys', () => {
    expect(hash({ plugins: { a: { x: 1, y: 2 }, b: [] } })).toBe(hash({ plugins: { b: [], a: { y: 2, x: 1 } } }));
  });

  it('takes an absent network of a strategy for a null one', () => {
    expect(hash({ strategies: [{ name: 'ticket', params: {} }] })).toBe(
      hash({ strategies: [{ name: 'ticket', network: null, params: {} }] }),
    );
  });
});
