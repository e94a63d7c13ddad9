/** A model that likes whatever stands first must not make the first choice win: the order is drawn for each sample. */
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decideFor } from '../test/decide-for.ts';
import { aProposal } from '../test/fixtures.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const CHOICES = ['Green', 'Blue', 'Yellow'];
const PROPOSALS = 420;

/** How often each choice was taken by a sample, and how often by a decision. */
async function taken() {
  const [samples, ballots] = [
    [0, 0, 0],
    [0, 0, 0],
  ];
  const count = (counts: number[], index: number): void => void (counts[index - 1] = (counts[index - 1] ?? 0) + 1);
  for (let nth = 0; nth < PROPOSALS; nth += 1) {
    const proposal = aProposal({
      id: `0x${nth.toString(16).padStart(64, '0')}`,
      title: `The colour of bench number ${nth}`,
      body: 'Each colour costs the same and lasts as long.',
      choices: CHOICES,
    });
    const decided = await decideFor(proposal, { url: `${sandbox.url}/v1`, models: ['biased-first'], samples: 2 });
    if (decided.kind !== 'decided') throw new Error(decided.kind);
    for (const sample of decided.decision.samples) {
      if (sample.kind === 'answer' && sample.ballot.kind === 'single') count(samples, sample.ballot.choice.index);
    }
    const { ballot } = decided.judgement.aggregate;
    if (ballot?.kind === 'single') count(ballots, ballot.choice.index);
  }
  return { samples, ballots };
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);

describe('a model that takes what stands first, over 420 neutral proposals', () => {
  test("gives each choice its chance within five points, the author's first one too; most votes are none", async () => {
    const { samples, ballots } = await taken();
    expect(sum(samples)).toBe(2 * PROPOSALS);
    for (const count of samples) expect(Math.abs(count / sum(samples) - 1 / 3)).toBeLessThan(0.05);
    for (const count of ballots) expect(Math.abs(count / PROPOSALS - sum(ballots) / PROPOSALS / 3)).toBeLessThan(0.05);
  });
});
