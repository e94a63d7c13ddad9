import { describe, expect, it } from 'vitest';
import { fc, test } from '@fast-check/vitest';
import { leaks } from './leaks.ts';

const INSTRUCTIONS = 'Fund only what is audited, paid by milestones and reported on each month; reject all else.';
const word = fc.stringMatching(/^[a-z]{1,8}$/);

describe("the owner's instructions in a public reason", () => {
  it.for([
    ['the very words', 'I was told: only what is audited, paid by milestones and reported on.', true],
    ['other case and signs', 'ONLY. What is—audited "paid" by; milestones and', true],
    ['invisible characters between', 'only what is au\u200bdited paid by mile\u00adstones and', true],
    ['wide letters', 'ｏｎｌｙ what is audited paid by milestones and', true],
    ['seven words', 'only what is audited paid by milestones', false],
    ['eight words with one left out', 'only what is audited by milestones and reported on', false],
    ['nothing of them', 'Voted by an AI agent for its owner: For', false],
    ['nothing', '', false],
  ] as const)('%s', ([, reason, expected]) => {
    expect(leaks(reason, INSTRUCTIONS)).toBe(expected);
  });

  it('counts characters where words are not set apart', () => {
    expect(leaks('因为只支持经过审计的拨款', '只支持经过审计的拨款，其余一律反对')).toBe(true);
    expect(leaks('经过审计', '只支持经过审计的拨款，其余一律反对')).toBe(false);
  });

  it('shorter than eight words cannot leak', () => {
    expect(leaks('Vote for the trees', 'Vote for the trees')).toBe(false);
  });

  test.prop([fc.array(word, { minLength: 8, maxLength: 40 }), fc.array(word), fc.array(word), fc.nat(), fc.boolean()])(
    'are found wherever eight of them stand',
    (own, before, after, from, loud) => {
      const at = from % (own.length - 7);
      const reason = [...before, ...own.slice(at, at + 8), ...after].join(' ');
      expect(leaks(loud ? reason.toUpperCase() : reason, own.join(', '))).toBe(true);
    },
  );
});
