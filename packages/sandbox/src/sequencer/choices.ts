/** Which encoded choices the sequencer takes, by voting type. Shutter's ciphertext is judged in `vote-checks.ts`. */
import type { VotingType } from '@quorum/snapshot/proposal';

const RULES: Readonly<Record<VotingType, (choice: unknown, count: number) => boolean>> = {
  basic: isIndex,
  'single-choice': isIndex,
  approval: isSetOfIndices,
  'ranked-choice': (choice, count) => isSetOfIndices(choice, count) && choice.length === count,
  copeland: (choice, count) =>
    Array.isArray(choice) &&
    choice.every((one) => isIndex(one, count)) &&
    isSetOfIndices(choice, count) &&
    choice.length > 0,
  weighted: isWeights,
  quadratic: isWeights,
};

/**
 * True where `choice` is one that the real sequencer accepts for a proposal with this many choices. Its own leniency is
 * kept: approval takes an empty array, copeland a partial ranking, and where a list of indices is meant, '1' is as good as 1.
 */
export function isValidChoice(choice: unknown, type: VotingType, count: number): boolean {
  return RULES[type](choice, count);
}

function isIndex(value: unknown, count: number): value is number {
  return typeof value === 'number' && names(value, count);
}

function isSetOfIndices(value: unknown, count: number): value is unknown[] {
  return Array.isArray(value) && value.every((index) => names(index, count)) && new Set(value).size === value.length;
}

function isWeights(value: unknown, count: number): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.every(([index, weight]) => names(index, count) && typeof weight === 'number' && weight >= 0) &&
    entries.some(([, weight]) => weight > 0)
  );
}

/** Whether this is the number of a choice, whatever JavaScript would take for that number. */
function names(value: unknown, count: number): boolean {
  const index = Number(value);
  return Number.isInteger(index) && index >= 1 && index <= count;
}
