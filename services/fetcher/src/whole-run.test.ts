/** Whole runs over generated worlds, with real queues: each proposal ends in exactly one outcome or one filter count. */
import { JOBS } from '@quorum/shared/jobs';
import type { Outcome } from '@quorum/shared/outcome';
import { Address, type ProposalId } from '@quorum/snapshot/proposal';
import { UnrecoverableError } from 'bullmq';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anAddress } from '../../../packages/shared/test/samples.ts';
import { useFlow } from '../test/flow.ts';
import { authors, DAY_S, inWorld } from '../test/samples.ts';
import { anyEntry, anyWorld, type Entry } from '../test/worlds.ts';

const flow = useFlow();

const OUTCOMES: readonly Outcome[] = [
  { kind: 'cast' },
  { kind: 'held', why: 'risk' },
  { kind: 'skipped', why: 'already_voted' },
  { kind: 'failed', why: 'vote_rejected' },
];

/** What the jobs of each proposal come to; null: they crash for good. */
const anyRun = fc.record({
  world: anyWorld,
  entries: fc.array(fc.record({ entry: anyEntry, outcome: fc.constantFrom(...OUTCOMES, null) }), { maxLength: 12 }),
});

/** A world in which each of these is chosen: a law about nothing would hold too. */
function settling(...outcomes: readonly (Outcome | null)[]): typeof anyRun extends fc.Arbitrary<infer R> ? R : never {
  const [author] = authors();
  const entry: Entry = {
    author: Address.parse(author),
    flagged: false,
    left: DAY_S,
    quorum: 0,
    quorumType: 'default',
    scores: [1, 0, 0],
    voted: 'no',
    power: 'some',
    decided: 'no',
  };
  const limit = outcomes.length;
  return {
    world: { entries: [], limit, blacklist: [], whitelist: [], dryRun: false, hasSigner: true, revise: false },
    entries: outcomes.map((outcome) => ({ entry, outcome })),
  };
}

it('count and settle every proposal once, whatever becomes of it', async () => {
  let settled = 0;
  await fc.assert(
    fc.asyncProperty(anyRun, async ({ world: { limit, blacklist, whitelist }, entries }) => {
      const { ask, add, start, fetcher, decider, voter, ended, run, closeWorkers } = flow();
      const asker = await ask(0);
      const { space, voter: address } = asker;
      const nowS = Math.floor(Date.now() / 1_000);
      const proposals = entries.map(({ entry: { author, flagged, left, quorum, quorumType, scores } }) =>
        // A minute more, so that none closes while the test runs.
        inWorld(space, { nowS, author, flagged, end: nowS + left + 60, quorum, quorumType, scores }),
      );
      const byId = new Map(
        proposals.map(({ id }, at): [ProposalId, Outcome | null] => [
          JOBS.vote.payload.shape.proposal_id.parse(id),
          entries[at]?.outcome ?? null,
        ]),
      );
      await add({
        proposals,
        votes: proposals.flatMap(({ id }, at) => {
          const voted = entries[at]?.entry.voted ?? 'no';
          const who = voted === 'by us' ? address : anAddress();
          return voted === 'no'
            ? []
            : [{ id: `${id}v`, voter: who, created: nowS - 5, space, proposal: id, choice: 1 }];
        }),
        voting_power: proposals.flatMap(({ id }, at) => {
          const power = entries[at]?.entry.power;
          const rule = power === 'fails' ? { fail: true } : { vp: power === 'some' ? 7 : 0 };
          return [{ proposal: id, voter: address, ...rule }];
        }),
      });
      fetcher({
        preferences: {
          max_proposals_per_run: limit,
          blacklisted_proposers: blacklist,
          whitelisted_proposers: whitelist,
        },
      });
      decider();
      voter(async ({ proposal_id: id }) => {
        const outcome = byId.get(id) ?? null;
        if (outcome === null) throw new UnrecoverableError('this worker broke');
        return outcome;
      });
      const runId = await start(asker);
      expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
      await closeWorkers();

      const { outcomes, opening, response } = await run(runId);
      expect.assert(opening !== null && response !== null);
      const { fetched, selected, ranked, ...counts } = response.filter_metrics;
      expect(fetched).toBe(entries.length);
      expect(Object.values(counts).reduce((sum, count) => sum + count, selected)).toBe(fetched);
      expect(ranked.length).toBeLessThanOrEqual(fetched);
      const chosen = opening.selected.map((one) => one.proposal_id);
      expect(new Set(chosen).size).toBe(selected);
      expect([...outcomes.keys()].toSorted()).toEqual(chosen.toSorted());
      for (const [id, { outcome }] of outcomes) {
        expect(outcome).toEqual(byId.get(id) ?? { kind: 'failed', why: 'internal' });
      }
      const told = response.decisions.map((one) => one.proposal_id);
      expect(told).toEqual(chosen);
      const isFault = (id: ProposalId): boolean => (byId.get(id) ?? { kind: 'failed' }).kind === 'failed';
      expect(response.errors.filter((words) => words.startsWith('No vote on'))).toHaveLength(
        chosen.filter(isFault).length,
      );
      settled += outcomes.size;
    }),
    {
      numRuns: 25,
      examples: [[settling(...OUTCOMES)], [settling({ kind: 'cast' }, null, null, { kind: 'held', why: 'risk' })]],
    },
  );
  // Those of the two examples; the worlds that are drawn by lot have some dozen more.
  expect(settled).toBeGreaterThanOrEqual(8);
});
