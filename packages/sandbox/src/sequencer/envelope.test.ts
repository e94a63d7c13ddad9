import { ensNormalize } from 'ethers';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isEnsName } from './envelope.ts';

/** As ENS says it, asked of nobody else. */
function hasNormalForm(name: string): boolean {
  try {
    ensNormalize(name);
    return true;
  } catch {
    return false;
  }
}

it('takes a space for one of ENS exactly where ENS has a form for it', () => {
  const names = fc.stringMatching(/^[a-z0-9]{1,4}([.a-zA-Z0-9_-]{0,3}\.[a-z0-9]{1,4}){0,3}$/);
  fc.assert(
    fc.property(names, (name) => {
      expect(isEnsName(name)).toBe(hasNormalForm(name));
    }),
    { numRuns: 500 },
  );
});

it.for([
  ['small.eth', true],
  ['LocalDAO.eth', true],
  ['👩‍🌾.eth', true],
  ['small..eth', false],
  ['a_b.eth', false],
  ['', false],
] as const)('of %j it says %s', ([name, is]) => {
  expect(isEnsName(name)).toBe(is);
  expect(hasNormalForm(name)).toBe(is);
});
