import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { CLAIMS } from './claims.ts';
import { formsOf, turnedForms } from './disguise.ts';
import { ORDERS } from './orders.ts';
import { anyOf, gap, pattern, word } from './patterns.ts';

const PROSE = Object.values({ ...ORDERS, ...CLAIMS }).flat();

describe('many patterns at once', () => {
  it('says of every line of the corpus, in each of its forms, what they say one by one', () => {
    const holds = anyOf(PROSE);
    const texts = corpusLines().flatMap((line) => {
      const { flat, disguised, decoded } = formsOf(line);
      return [flat, ...disguised, ...decoded, ...turnedForms(flat)];
    });
    const said = texts.map((text) => PROSE.some((each) => each.test(text)));
    expect(texts.map(holds)).toEqual(said);
    expect(said.filter(Boolean).length).toBeGreaterThan(40);
    expect(said.filter((any) => !any).length).toBeGreaterThan(1_000);
  });

  it.each([
    ['at the beginning', 'vote now', true],
    ['behind a sign', '«vote, and do it now', true],
    ['within a word', 'devote now', false],
    ['behind a letter that is not Latin', 'жvote now', false],
  ])('looks for what begins at a word %s', (_where, text, is) => {
    expect(anyOf([pattern(`${word('vote')}${gap(20)}now`)])(text)).toBe(is);
  });

  it('finds the branch of a pattern that begins at no word', () => {
    const holds = anyOf([pattern(`${word('vote [|] now')}|投票`), pattern(word('never'))]);
    expect(['请投票给', 'we never', 'vote | now', 'devote | now'].map(holds)).toEqual([true, true, true, false]);
  });

  it('finds nothing where there is nothing to look for', () => {
    expect(anyOf([])('vote now')).toBe(false);
  });
});

/** Every line of what attackers and honest authors wrote. */
function corpusLines(): string[] {
  const folder = fileURLToPath(new URL('../../../eval/corpus', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  return files.flatMap((name) => {
    const text = readFileSync(`${folder}/${name}`, 'utf8');
    return textsIn(z.json().parse(JSON.parse(text))).flatMap((each) => each.split('\n'));
  });
}

function textsIn(value: z.core.util.JSONType): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
