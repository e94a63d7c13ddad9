/** What became of the mutants: which share of each module's its tests noticed, and which lines are mutated where a part will do. */
import { createHash } from 'node:crypto';
import type { Mutated } from './mutated.ts';

/** What is known of one mutant, as Stryker tells it. */
export interface Mutant {
  /** From the root of the tree. */
  readonly file: string;
  readonly status: string;
}

export interface Score {
  readonly module: string;
  readonly noticed: number;
  /** Of those noticed: by the time limit alone. */
  readonly timedOut: number;
  /** Of those that could be judged: a mutant that does not load says nothing of the tests. */
  readonly judged: number;
}

/** A test that hangs has noticed too: an endless loop is no answer. */
const NOTICED: ReadonlySet<string> = new Set(['Killed', 'Timeout']);
/** No test ran it: as bad as one that nobody noticed. */
const UNNOTICED: ReadonlySet<string> = new Set(['Survived', 'NoCoverage']);

/** The score of each module. */
export function scoresOf(mutants: readonly Mutant[], modules: readonly (readonly [string, Mutated])[]): Score[] {
  return modules.map(([module, { files }]) => {
    const ofModule = mutants.filter(({ file }) => files.includes(file));
    const noticed = ofModule.filter(({ status }) => NOTICED.has(status)).length;
    const timedOut = ofModule.filter(({ status }) => status === 'Timeout').length;
    const unnoticed = ofModule.filter(({ status }) => UNNOTICED.has(status)).length;
    return { module, noticed, timedOut, judged: noticed + unnoticed };
  });
}

/** All scores as one, which is what can be said of a few mutants of each module. */
export function together(scores: readonly Score[]): Score {
  const sum = (of: 'noticed' | 'timedOut' | 'judged'): number => scores.reduce((all, score) => all + score[of], 0);
  return {
    module: scores.map(({ module }) => module).join(', '),
    noticed: sum('noticed'),
    timedOut: sum('timedOut'),
    judged: sum('judged'),
  };
}

/**
 * Whether so many hundredths were noticed. Without a mutant nothing is shown, nor where most ran into the time limit: then something
 * is wrong with the machine or the set-up, and the tests had no say.
 */
export function holds({ noticed, timedOut, judged }: Score, atLeastPercent: number): boolean {
  return judged > 0 && timedOut * 2 <= judged && noticed * 100 >= judged * atLeastPercent;
}

/** `ballots: 97 % (131 of 135, 2 by the time limit)`. */
export function describeScore({ module, noticed, timedOut, judged }: Score): string {
  if (judged === 0) return `${module}: no mutant`;
  const late = timedOut === 0 ? '' : `, ${timedOut} by the time limit`;
  return `${module}: ${Math.floor((noticed / judged) * 100)} % (${noticed} of ${judged}${late})`;
}

/** So many lines with code of a file, numbered from 1 and in order: the same ones for the same seed. */
export function drawLines(file: string, text: string, count: number, seed: number): number[] {
  const place = (line: number): string => createHash('sha256').update(`${seed} ${file} ${line}`).digest('hex');
  return text
    .split('\n')
    .flatMap((line, at) => (/^\s*($|\/\/|\/?\*|import |[})\]]+[;,]?$)/.test(line) ? [] : [at + 1]))
    .toSorted((a, b) => (place(a) < place(b) ? -1 : 1))
    .slice(0, count)
    .toSorted((a, b) => a - b);
}
