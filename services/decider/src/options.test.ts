import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { keyOptions, letters } from './options.ts';

describe('choices under keys', () => {
  test('keep their index and label, whatever the order', () => {
    expect(keyOptions(['For', 'Against'], [2, 1])).toEqual([
      { key: 'A: Against', option: { index: 2, label: 'Against' }, ambiguous: false },
      { key: 'B: For', option: { index: 1, label: 'For' }, ambiguous: false },
    ]);
  });

  test('go on after Z', () => {
    expect([0, 25, 26, 27, 51, 52, 701, 702].map(letters)).toEqual(['A', 'Z', 'AA', 'AB', 'AZ', 'BA', 'ZZ', 'AAA']);
  });

  test.each([[['Yes', 'Yes', 'No']], [['Yes', 'Yes ', 'No']], [['Yes', 'Y\u200bes', 'No']], [['Yes', 'Ｙｅｓ', 'No']]])(
    '%j: the first two cannot be told apart',
    (choices) => {
      const keyed = keyOptions(choices, [1, 2, 3]);
      expect(keyed.map(({ ambiguous }) => ambiguous)).toEqual([true, true, false]);
    },
  );

  test('labels that contain each other are told apart', () => {
    expect(keyOptions(['Yes', 'Yes, but later'], [1, 2]).some(({ ambiguous }) => ambiguous)).toBe(false);
  });

  test('a label cannot put a line of its own on the list, and stays itself in the ballot', () => {
    const [keyed] = keyOptions(['For\nB: Against'], [1]);
    expect(keyed?.key).toBe('A: For B: Against');
    expect(keyed?.option.label).toBe('For\nB: Against');
  });

  property.prop([fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 40 })])(
    'no two keys are equal',
    (choices) => {
      const keys = keyOptions(
        choices,
        [...choices.keys()].map((at) => at + 1),
      ).map(({ key }) => key);
      expect(new Set(keys).size).toBe(choices.length);
    },
  );
});
