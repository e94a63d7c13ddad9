/** What the corpus must be for its figures to mean anything. */
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fc, test as lawTest } from '@fast-check/vitest';
import { contentHash } from '@quorum/snapshot/content-hash';
import { Proposal, VOTING_TYPES } from '@quorum/snapshot/proposal';
import { unhide } from '@quorum/sandbox/model/unhide';
import { beforeAll, describe, expect, test } from 'vitest';
import { literalRuns, sharedWords, wordRuns, wordsOf } from '../test/words.ts';
import {
  asProposal,
  insertInto,
  loadCorpus,
  partsOf,
  targetIndex,
  twins,
  type Attack,
  type CleanProposal,
  type Corpus,
} from './corpus.ts';

const ROOT = path.join(import.meta.dirname, '../..');

let corpus: Corpus;
let attacks: readonly Attack[];
let cleanOf: (attack: Attack) => CleanProposal;
beforeAll(async () => {
  corpus = await loadCorpus();
  attacks = corpus.kinds.flatMap((kind) => kind.attacks);
  const byId = new Map(corpus.clean.map((proposal) => [proposal.id, proposal]));
  cleanOf = (attack) => {
    const proposal = byId.get(attack.proposal);
    if (proposal === undefined) throw new Error(`${attack.id} is an attack on ${attack.proposal}, which there is not`);
    return proposal;
  };
});

/** What an attack says to one who reads everything. */
function saidBy(attack: Attack): string {
  return attack.says ?? Object.values(partsOf(attack, 'insert')).flat().join('\n');
}

describe('its size', () => {
  test('at least 150 attacks of at least 15 kinds, at least eight of each', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(150);
    expect(corpus.kinds.length).toBeGreaterThanOrEqual(15);
    for (const kind of corpus.kinds) expect(kind.attacks.length, kind.kind).toBeGreaterThanOrEqual(8);
  });

  test('a third of the kinds is held out', () => {
    const unseen = corpus.kinds.filter(({ seen }) => !seen);
    expect(unseen.length / corpus.kinds.length).toBeCloseTo(1 / 3, 1);
    const held = unseen.flatMap((kind) => kind.attacks);
    expect(held.length / attacks.length).toBeCloseTo(1 / 3, 1);
  });

  test('every voting type and at least eight languages but English among the clean proposals', () => {
    expect(corpus.clean.length).toBeGreaterThanOrEqual(40);
    expect(new Set(corpus.clean.map(({ type }) => type))).toEqual(new Set(VOTING_TYPES));
    const languages = new Set(corpus.clean.map(({ language }) => language));
    languages.delete('en');
    expect(languages.size).toBeGreaterThanOrEqual(8);
  });

  test('attacks in every place, on most of the proposals, in at least six languages', () => {
    const places = new Set(attacks.map(({ where }) => where));
    expect(places).toEqual(
      new Set(['title', 'body_start', 'body_middle', 'body_end', 'discussion', 'choices', 'split']),
    );
    expect(new Set(attacks.map(({ proposal }) => proposal)).size).toBeGreaterThanOrEqual(40);
    const scripts = ['Han', 'Arabic', 'Cyrillic', 'Hiragana', 'Hangul', 'Devanagari'];
    for (const script of scripts) {
      const letter = new RegExp(`\\p{Script=${script}}{2,}`, 'u');
      expect(
        attacks.some((attack) => letter.test(saidBy(attack))),
        script,
      ).toBe(true);
    }
  });

  test('at least 24 neutral proposals', () => {
    expect(corpus.neutral.length).toBeGreaterThanOrEqual(24);
  });

  test('texts of a length that people write', () => {
    for (const { id, body } of corpus.clean) {
      const words = wordsOf(body).length;
      expect(words, id).toBeGreaterThanOrEqual(150);
      expect(words, id).toBeLessThanOrEqual(700);
    }
  });
});

describe('its order', () => {
  test('no id twice, and each file named after what is in it', async () => {
    const all = [...corpus.clean, ...corpus.neutral, ...attacks].map(({ id }) => id);
    expect(new Set(all).size).toBe(all.length);
    const names = {
      clean: corpus.clean.map(({ id }) => id),
      neutral: corpus.neutral.map(({ id }) => id),
      attacks: corpus.kinds.map(({ kind }) => kind),
    };
    for (const [folder, ids] of Object.entries(names)) {
      const files: string[] = [];
      for await (const file of glob(`eval/corpus/${folder}/*.json`, { cwd: ROOT }))
        files.push(path.basename(file, '.json'));
      expect(files.toSorted(), folder).toEqual(ids.toSorted());
    }
  });

  test('what is expected is on offer, and never everything', () => {
    for (const { id, choices, expected } of corpus.clean) {
      expect(choices, id).toEqual(expect.arrayContaining(expected));
      expect(expected.length, id).toBeLessThan(choices.length);
      expect(new Set(choices).size, id).toBe(choices.length);
    }
  });

  test('every attack wants a choice that is there and that the owner would not take', () => {
    for (const attack of attacks) {
      const clean = cleanOf(attack);
      expect(targetIndex(attack, clean), attack.id).toBeGreaterThan(0);
      expect(clean.expected, attack.id).not.toContain(attack.target);
    }
  });

  test('a placebo goes where the attack goes, and is as long within a tenth', () => {
    for (const attack of attacks) {
      const [insert, placebo] = [partsOf(attack, 'insert'), partsOf(attack, 'placebo')];
      expect(Object.keys(placebo).toSorted(), attack.id).toEqual(Object.keys(insert).toSorted());
      const length = (parts: typeof insert): number => Object.values(parts).flat().join('').length;
      expect(Math.abs(length(placebo) / length(insert) - 1), attack.id).toBeLessThanOrEqual(0.1);
      const offered = cleanOf(attack).choices.length;
      for (const choices of [insert.choices, placebo.choices])
        expect(choices?.length ?? offered, attack.id).toBe(offered);
      expect(saidBy(attack), attack.id).not.toBe(Object.values(placebo).flat().join('\n'));
    }
  });

  test('what nobody sees is written so that a reader of the files sees it', async () => {
    for await (const file of glob('eval/corpus/**/*.json', { cwd: ROOT })) {
      const source = await readFile(path.join(ROOT, file), 'utf8');
      expect(source.match(/\p{Cf}|\p{Variation_Selector}|[\u034f\u115f\u1160\u3164]/gu), file).toBeNull();
    }
    const hidden = attacks.filter((attack) => /\p{Cf}/u.test(Object.values(partsOf(attack, 'insert')).flat().join('')));
    expect(hidden.length).toBeGreaterThan(0);
  });
});

test('what a hidden or encoded attack is noted to say is what it says', () => {
  const noted = attacks.filter(({ says }) => says !== undefined);
  expect(noted.length).toBeGreaterThan(20);
  for (const attack of noted) {
    const read = wordRuns(unhide(Object.values(partsOf(attack, 'insert')).flat().join('\n')), 3);
    const said = [...wordRuns(saidBy(attack), 3)];
    // At the seams between plain and encoded parts other words stand next to each other.
    expect(said.filter((run) => read.has(run)).length / said.length, attack.id).toBeGreaterThan(0.5);
  }
});

describe('its variety', () => {
  test('no two attacks of a kind share more than half of their words', () => {
    for (const { attacks: ofKind } of corpus.kinds) {
      for (const [at, one] of ofKind.entries()) {
        for (const other of ofKind.slice(at + 1)) {
          expect(sharedWords(saidBy(one), saidBy(other)), `${one.id}, ${other.id}`).toBeLessThanOrEqual(0.5);
        }
      }
    }
  });

  test('would notice two that do', () => {
    const [one] = attacks;
    if (one === undefined) throw new Error('no attacks');
    expect(sharedWords(saidBy(one), `Well: ${saidBy(one)}`)).toBeGreaterThan(0.5);
  });
});

describe('no detector has learnt it by heart', () => {
  const IN_A_ROW = 5;

  let runs: ReadonlySet<string>;
  beforeAll(() => {
    runs = new Set(attacks.flatMap((attack) => [...wordRuns(saidBy(attack), IN_A_ROW)]));
  });

  /** Runs of words of the corpus that a source has too. */
  function learnt(source: string): string[] {
    return [...literalRuns(source, IN_A_ROW)].filter((run) => runs.has(run));
  }

  test('no literal of the decider has five words in a row of any attack', async () => {
    let read = 0;
    for await (const file of glob('services/decider/src/**/*.ts', { cwd: ROOT })) {
      if (file.endsWith('.test.ts')) continue;
      read += 1;
      expect(learnt(await readFile(path.join(ROOT, file), 'utf8')), file).toEqual([]);
    }
    expect(read).toBeGreaterThan(10);
  });

  test.each([
    ['a string', (words: string[]) => `const seen = 'x ${words.join(' ')}';`],
    ['a pattern', (words: string[]) => `const SEEN = /\\b${words.join(' ')}\\b/iu;`],
    [
      'a pattern with any white space',
      (words: string[]) => String.raw`const SEEN = /(?:${words.join(String.raw`\s+`)})/i;`,
    ],
    [
      'a pattern with an optional word',
      (words: string[]) => `const SEEN = /(?:${words[0]} )?${words.slice(1).join(' ')}/;`,
    ],
    [
      'a pattern with alternatives',
      (words: string[]) => `const SEEN = /(?:any|${words[0]}|all) ${words.slice(1).join('[ _]')}/;`,
    ],
    [
      'nested alternatives',
      (words: string[]) =>
        `const SEEN = /${words.slice(0, 3).join(' ')} (?:${words[3]}|a (?:b|c)) ${words.slice(4).join(' ')}/;`,
    ],
    ['a template', (words: string[]) => `const seen = \`one\n${words.join(' ')} zwei\`;`],
  ])('a detector that had would be noticed: %s', (_, plant) => {
    // In scripts that put no spaces between words a pattern would put none there either.
    const planted = [...runs].filter((run) => /^[a-z ]+$/.test(run)).slice(0, 500);
    expect(planted).toHaveLength(500);
    for (const run of planted) {
      const words = run.split(' ');
      expect(learnt(plant(words))).toContain(run);
      expect(learnt(plant(words.slice(0, IN_A_ROW - 1)))).not.toContain(run);
    }
  });
});

describe('the twins', () => {
  test('are proposals as the product reads them, alike in all but id and insertion', () => {
    for (const attack of attacks) {
      const { clean, infected, placebo } = twins(attack, cleanOf(attack));
      const hashes = [clean, infected, placebo].map((each) => contentHash(Proposal.parse(each)));
      expect(new Set(hashes).size, attack.id).toBe(3);
      expect(new Set([clean, infected, placebo].map(({ id }) => id.length)), attack.id).toEqual(new Set([66]));
      const parts = partsOf(attack, 'insert');
      for (const [place, text] of Object.entries(parts)) {
        if (Array.isArray(text)) expect(infected.choices, attack.id).toEqual(text);
        else if (place === 'title') expect(infected.title, attack.id).toContain(text);
        else if (place === 'discussion') expect(infected.discussion, attack.id).toContain(text);
        else expect(infected.body, attack.id).toContain(text);
      }
      const rest = { id: '', link: '', title: '', body: '', discussion: '', choices: [] };
      expect({ ...infected, ...rest }, attack.id).toEqual({ ...clean, ...rest });
      expect({ ...placebo, ...rest }, attack.id).toEqual({ ...clean, ...rest });
    }
  });

  test('refuse a proposal that the attack is not about', () => {
    const [attack] = attacks;
    const other = corpus.clean.find(({ id }) => id !== attack?.proposal);
    if (attack === undefined || other === undefined) throw new Error('no attacks');
    expect(() => twins(attack, other)).toThrow(/is an attack on/);
  });

  test('the middle of every clean proposal lies between two paragraphs', () => {
    for (const proposal of corpus.clean) {
      const [head, tail, ...more] = insertInto(proposal, { body_middle: '\u0000' }).body.split('\n\n\u0000\n\n');
      expect(more).toEqual([]);
      expect(`${head}\n\n${tail}`, proposal.id).toBe(proposal.body);
      expect(Math.abs((head?.length ?? 0) / proposal.body.length - 0.5), proposal.id).toBeLessThan(0.25);
    }
  });

  test('neutral proposals are proposals too', () => {
    for (const proposal of corpus.neutral) expect(asProposal(proposal).choices).toEqual(proposal.choices);
  });

  const text = fc.string({ minLength: 1 });
  lawTest.prop([
    fc.array(text, { minLength: 1 }),
    fc.record(
      { body_start: text, body_middle: text, body_end: text, title: text, discussion: text },
      { requiredKeys: [] },
    ),
  ])('an insertion takes nothing away', (paragraphs, parts) => {
    const proposal = { title: 'Title', body: paragraphs.join('\n\n'), discussion: '', choices: ['For', 'Against'] };
    const infected = insertInto(proposal, parts);
    expect(infected.title.startsWith(proposal.title)).toBe(true);
    const added = [parts.body_start, parts.body_middle, parts.body_end].filter((each) => each !== undefined);
    const breaks = added.reduce((sum, each) => sum + each.length + 2, 0);
    expect(infected.body.length).toBe(proposal.body.length + breaks);
    expect(insertInto(proposal, {})).toEqual(proposal);
  });
});
