/**
 * Filter and rank of 10,000 proposals, as an opening of a run does them, against one plain sort of the same array by end. Budget:
 * five times that sort.
 */
import { dropByHistory, partition, termsOf } from '@quorum/fetcher/filter';
import { Listed } from '@quorum/fetcher/listing';
import { rank } from '@quorum/fetcher/rank';
import { result, type Benchmark } from './benchmark.ts';
import { inTurns } from './measure.ts';

const PROPOSALS = 10_000;
const BUDGET = 5;
const NOW_S = 1_795_000_000;
const DAY_S = 24 * 60 * 60;

/** Numbers in [0, 1), the same each time: xorshift32. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A space as busy ones are: two hundred proposers, ends within a month, half with a quorum, some flagged, some all but over. */
function someProposals(count: number): Listed[] {
  const next = numbers(7);
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(next() * 16).toString(16)).join('');
  const authors = Array.from({ length: 200 }, () => `0x${hex(40)}`);
  return Array.from({ length: count }, () => {
    const scores = Array.from({ length: 3 }, () => Math.floor(next() * 1e6) / 10);
    return Listed.parse({
      id: `0x${hex(64)}`,
      author: authors[Math.floor(next() * authors.length)],
      start: NOW_S - DAY_S,
      end: NOW_S + Math.floor(next() * 30 * DAY_S),
      flagged: next() < 0.02,
      quorum: next() < 0.5 ? 200_000 : 0,
      quorum_type: next() < 0.1 ? 'rejection' : 'default',
      scores,
      scores_total: scores.reduce((sum, score) => sum + score, 0),
      content_hash: hex(64),
    });
  });
}

export const filterRank: Benchmark = {
  name: 'filter-rank',
  does: 'filter and rank 10,000 proposals, against one plain sort of them',
  async run() {
    const proposals = someProposals(PROPOSALS);
    const authors = [...new Set(proposals.map(({ author }) => author))];
    const lists = { blacklisted_proposers: authors.slice(0, 10), whitelisted_proposers: [] };
    const history = {
      votedOn: new Set(proposals.filter((_, at) => at % 50 === 0).map(({ id }) => id)),
      decidedBefore: new Set(proposals.filter((_, at) => at % 70 === 0).map(({ id }) => id)),
    };
    const at = { nowMs: NOW_S * 1_000, minTimeToVoteS: 120 };

    const { ratio, spread, oursMs, againstMs } = inTurns(
      () => {
        const byTerms = partition(proposals, termsOf(lists, at));
        const byHistory = partition(byTerms.kept, (proposal) => dropByHistory(proposal, history));
        return rank(byHistory.kept, at.nowMs)[0]?.ranked.score ?? Number.NaN;
      },
      () => proposals.toSorted((a, b) => a.end - b.end)[0]?.end ?? Number.NaN,
    );
    return [
      result({
        name: 'filter-rank',
        value: ratio,
        spread,
        unit: '×',
        budget: BUDGET,
        bound: 'most',
        note: `${oursMs.toFixed(1)} ms against ${againstMs.toFixed(1)} ms`,
      }),
    ];
  },
};
