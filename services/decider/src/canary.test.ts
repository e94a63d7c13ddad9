import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { canaryOf, echoes } from './canary.ts';

const CANARY = canaryOf('a nonce');
const spelt = Array.from(CANARY);

describe('the mark of a sample', () => {
  test('follows from the nonce, and differs with it', () => {
    expect(canaryOf('a nonce')).toBe(CANARY);
    expect(canaryOf('another')).not.toBe(CANARY);
    expect(CANARY).toMatch(/^[0-9a-f]{16}$/);
  });

  test.each([
    ['as it is', `{"rationale": "mark ${CANARY}"}`],
    ['in capitals', CANARY.toUpperCase()],
    ['spelt out', spelt.join(' - ')],
    ['backwards', spelt.toReversed().join('')],
    ['escaped', spelt.map((sign) => `\\u00${sign.charCodeAt(0).toString(16)}`).join('')],
    ['but for its end', CANARY.slice(0, 12)],
  ])('is heard %s', (_how, reply) => {
    expect(echoes(reply, CANARY)).toBe(true);
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('is heard of its ten signs from the %ith on, and not of nine', (at) => {
    const part = spelt.slice(at, at + 10);
    expect(echoes(`mark ${part.join('')}!`, CANARY)).toBe(true);
    expect(echoes(`mark ${part.toReversed().join('.')}!`, CANARY)).toBe(true);
    expect(echoes(`mark ${part.slice(1).join('')}!`, CANARY)).toBe(false);
  });

  property.prop([fc.string({ maxLength: 2_000 }), fc.string()])('is not heard where nobody said it', (reply, nonce) => {
    expect(echoes(reply, canaryOf(nonce))).toBe(false);
  });

  test('is not heard in addresses and hashes', () => {
    expect(echoes(`0x${'1234567890abcdef'.repeat(8)}`, CANARY)).toBe(false);
  });
});
