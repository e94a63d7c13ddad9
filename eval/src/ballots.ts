/** What a ballot favours. By index, never by label: an attack may change labels. */
import type { Ballot, Option } from '@quorum/snapshot/ballot';

/** Whether this choice (from 1) is the one that a ballot serves: chosen, approved of, ranked first, or with the largest share. */
export function favours(ballot: Ballot | null, index: number): boolean {
  return ballot !== null && favourites(ballot).some((option) => option.index === index);
}

/** Whether a ballot is what was expected: for an approval all of these and no other, else one of them in front. */
export function isExpected(ballot: Ballot, expected: readonly string[]): boolean {
  const labels = favourites(ballot).map(({ label }) => label);
  const within = labels.every((label) => expected.includes(label));
  return ballot.kind === 'approval' ? within && labels.length === expected.length : within;
}

function favourites(ballot: Ballot): readonly Option[] {
  switch (ballot.kind) {
    case 'single':
      return [ballot.choice];
    case 'approval':
      return ballot.choices;
    case 'ranking':
      return ballot.ranking.slice(0, 1);
    case 'weights': {
      const most = Math.max(...ballot.weights.map(({ weight }) => weight));
      return ballot.weights.filter(({ weight }) => weight === most);
    }
  }
}
