/**
 * The `noisy` persona: `careful`, disturbed by a lot that depends on the seed and the request's content alone. The same question
 * gets the same answer; another order of the choices, being another question, may get another.
 */
import { createHash } from 'node:crypto';
import { ballotOf, type ModelBallot } from './answer.ts';
import type { Asked } from './asked.ts';
import { judge, type Judgement } from './careful.ts';

/** How many of its ballots are drawn by lot. */
const SHARE_BY_LOT = 0.5;
/** How far its confidence wanders, up or down. */
const WANDER = 0.25;
const LEVELS = ['low', 'medium', 'high'] as const;

export function noisy(asked: Asked, seed: number): { judgement: Judgement; ballot: ModelBallot } {
  const lot = (name: string): number =>
    createHash('sha256').update(`${seed}\n${name}\n${asked.prompt}`).digest().readUInt32BE(0) / 2 ** 32;
  const own = judge(asked.text, asked.options);
  const drawn = own.scored
    .map(({ option }) => ({ option, score: lot(`option ${option.key}`) }))
    .toSorted((a, b) => b.score - a.score);
  const wandered = own.confidence + (2 * lot('confidence') - 1) * WANDER;
  const judgement: Judgement = {
    ...own,
    scored: lot('ballot') < SHARE_BY_LOT ? drawn : own.scored,
    confidence: Math.round(Math.min(1, Math.max(0, wandered)) * 100) / 100,
    risk: LEVELS[Math.floor(lot('risk') * LEVELS.length)] ?? own.risk,
  };
  return { judgement, ballot: asked.place === null ? [] : ballotOf(judgement, asked.place.form) };
}
