/** Which encoded choices the sequencer takes, by voting type. Shutter's ciphertext is judged in `checks.ts`. */
import type { VotingType } from '@quorum/snapshot/proposal';

const RULES: Readonly<Record<VotingType, (choice: unknown, count: number) => boolean>> = {
  basic: isIndex,
  'single-choice': isIndex,
  approval: isSetOfIndices,
  'ranked-choice': (choice, count) => isSetOfIndices(choice, count) && choice.length === count,
  copeland: (choice, count) => isSetOfIndices(choice, count) && choice.length > 0,
  weighted: isWeights,
  quadratic: isWeights,
};

/**
 * True where `choice` is one that the real sequencer accepts for a proposal with this many choices. Its own leniency is
 * kept: approval takes an empty array, copeland a partial ranking.
 */
export function isValidChoice(choice: unknown, type: VotingType, count: number): boolean {
  return RULES[type](choice, count);
}

function isIndex(value: unknown, count: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= count;
}

function isSetOfIndices(value: unknown, count: number): value is number[] {
  return Array.isArray(value) && value.every((index) => isIndex(index, count)) && new Set(value).size === value.length;
}

function isWeights(value: unknown, count: number): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  const known = new Set(Array.from({ length: count }, (_, index) => String(index + 1)));
  return (
    entries.every(([index, weight]) => known.has(index) && typeof weight === 'number' && weight >= 0) &&
    entries.some(([, weight]) => weight > 0)
  );
}
