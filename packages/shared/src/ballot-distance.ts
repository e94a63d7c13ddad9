/**
 * How far two ballots on one proposal are apart, from 0 (the same) to 1: what "these answers agree" is measured by.
 * Single choices: 0 or 1. Approval: Jaccard distance. Weights: half the L1 distance of the shares. Rankings: Kendall's tau,
 * normalised by the number of pairs.
 */
import type { Ballot } from '@quorum/snapshot/ballot';

/** Shares are compared to this many parts of a whole. */
const PRECISION = 1e9;

/** Distance of two ballots, in [0, 1]. Ballots of different kinds are 1 apart. */
export function ballotDistance(a: Ballot, b: Ballot): number {
  if (a.kind === 'single' && b.kind === 'single') return a.choice.index === b.choice.index ? 0 : 1;
  if (a.kind === 'approval' && b.kind === 'approval') return jaccard(indexes(a.choices), indexes(b.choices));
  if (a.kind === 'weights' && b.kind === 'weights') return halfL1(shares(a.weights), shares(b.weights));
  if (a.kind === 'ranking' && b.kind === 'ranking') return kendallTau(indexes(a.ranking), indexes(b.ranking));
  return 1;
}

function indexes(options: readonly { index: number }[]): number[] {
  return options.map((option) => option.index);
}

function jaccard(a: readonly number[], b: readonly number[]): number {
  const union = new Set([...a, ...b]);
  if (union.size === 0) return 0;
  const inB = new Set(b);
  const common = new Set(a.filter((index) => inB.has(index)));
  return 1 - common.size / union.size;
}

function shares(weights: readonly { index: number; weight: number }[]): Map<number, number> {
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(weights.map(({ index, weight }) => [index, weight / total]));
}

function halfL1(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): number {
  const all = new Set([...a.keys(), ...b.keys()]);
  const sum = [...all].reduce((total, index) => total + Math.abs((a.get(index) ?? 0) - (b.get(index) ?? 0)), 0);
  // Without rounding 80/20 and 60/40 were 0.20000000000000007 apart, and the order of the shares could tip a comparison.
  return Math.min(1, Math.round((sum / 2) * PRECISION) / PRECISION);
}

function kendallTau(a: readonly number[], b: readonly number[]): number {
  const position = new Map(b.map((index, at) => [index, at]));
  const order = a.map((index) => position.get(index));
  if (a.length !== b.length || order.includes(undefined)) return 1;
  let discordant = 0;
  for (const [i, first] of order.entries()) {
    for (const second of order.slice(i + 1)) {
      if (first !== undefined && second !== undefined && first > second) discordant += 1;
    }
  }
  const pairs = (a.length * (a.length - 1)) / 2;
  return pairs === 0 ? 0 : discordant / pairs;
}
