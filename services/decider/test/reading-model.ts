/** A model that reads labels: what it answers depends on what the choices say, and on no key and no place on a list. */
import type { VotingType } from '@quorum/snapshot/proposal';
import { createHash } from 'node:crypto';
import { listedKeys, REASONS, type ModelRequest, type Reply } from './model-server.ts';

const labelOf = (key: string): string => key.slice(key.indexOf(': ') + 2);
/** How it likes a label, from 1 to 100. */
const liking = (label: string): number => 1 + ((createHash('sha256').update(label).digest()[0] ?? 0) % 100);

/** The labels as it likes them, the best first. */
export function inOrder(labels: readonly string[]): string[] {
  return labels.toSorted((a, b) => liking(b) - liking(a) || (a < b ? -1 : 1));
}

/** Its answer to a question about a proposal of this type. */
export function readingModel(type: VotingType, request: ModelRequest): Reply {
  const keys = listedKeys(request);
  const ranked = inOrder(keys.map(labelOf)).map((label) => keys.find((key) => labelOf(key) === label) ?? '');
  return { kind: 'says', content: JSON.stringify({ ...REASONS, ...ballotOf(type, ranked) }) };
}

function ballotOf(type: VotingType, ranked: readonly string[]): object {
  switch (type) {
    case 'basic':
    case 'single-choice':
      return { choice: ranked[0] };
    case 'approval':
      return { choices: ranked.slice(0, 2) };
    case 'ranked-choice':
    case 'copeland':
      return { ranking: ranked };
    case 'weighted':
    case 'quadratic':
      return {
        weights: ranked
          .slice(0, 2)
          .map((choice, at, all) => ({ choice, percent: all.length === 1 ? 100 : [70, 30][at] })),
      };
  }
}
