import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { sharesWords } from './overlap.ts';

const SECRET = 'I never want the treasury to pay for paint, and green benches please me most.';

describe('words that two texts share', () => {
  test.each([
    ['eight in a row', 'So: the treasury to pay for paint, and green!'],
    ['in other letters', 'THE TREASURY — to pay for “paint” and Green'],
    ['without spaces', 'thetreasurytopayforpaintandgreen'],
    ['with others between', 't-h-e t.r.e.a.s.u.r.y to pay for paint and green'],
    ['with invisible and look-alike ones', 'the treаsury to p\u200bay for paint and grеen'],
    ['in wide letters', 'ｔｈｅ treasury to pay for paint and green'],
    ['with accents', 'thé tréasury to pay for paint and grêen'],
  ])('are found %s', (_how, text) => {
    expect(sharesWords(text, SECRET)).toBe(true);
  });

  test.each([
    ['seven in a row', 'the treasury to pay for paint, and blue'],
    ['in another order', 'green and paint for pay to treasury the'],
    ['none at all', ''],
  ])('are not: %s', (_how, text) => {
    expect(sharesWords(text, SECRET)).toBe(false);
  });

  test.each([
    ['Never fund casinos here', 'We say: never fund casinos here.', true],
    ['Spend little', 'They spend little.', false],
    ['我从不支持国库支付油漆费用', '因为国库支付油漆费用很高', true],
    ['', 'Anything.', false],
  ])('short or unparted: %j in %j is %s', (secret, text, shared) => {
    expect(sharesWords(text, secret)).toBe(shared);
  });

  const word = fc.stringMatching(/^[a-z]{2,9}$/);
  property.prop([fc.array(word, { minLength: 8, maxLength: 30 }), fc.nat(), fc.string(), fc.string()])(
    'any eight of them are found, whatever stands around',
    (words, at, before, after) => {
      const from = at % (words.length - 7);
      const row = words.slice(from, from + 8).join(' ');
      expect(sharesWords(`${before} ${row} ${after}`, words.join(' '))).toBe(true);
    },
  );
});
