import { randomBytes } from 'node:crypto';
import { checkBallot } from '@quorum/snapshot/ballot';
import type { Proposal } from '@quorum/snapshot/proposal';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { DEMO_TEXTS } from '@quorum/sandbox/worlds/demo-texts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregateOf, decideFor, type Deciding } from '../test/decide-for.ts';
import { aProposal } from '../test/fixtures.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** Decides a proposal with a persona of the sandbox. */
const decideWith = (persona: string, proposal: Proposal, more: Partial<Deciding> = {}) =>
  decideFor(proposal, {
    url: `${sandbox.url}/v1`,
    models: [persona],
    key: randomBytes(32),
    secondReading: 'always',
    ...more,
  });

async function setModel(setting: object): Promise<void> {
  const response = await fetch(`${sandbox.url}/_sandbox/model`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(setting),
  });
  expect(response.status).toBe(200);
}

describe("with the sandbox's model", () => {
  const open = DEMO_TEXTS.filter(({ name }) => name !== 'spam');
  test.each(open)(
    '$name ($type) ends in a ballot that all samples agree on',
    async ({ type, title, body, choices }) => {
      const proposal = aProposal({ type, title, body, choices });
      const decided = await decideWith('careful', proposal);
      if (decided.kind !== 'decided') throw new Error(decided.kind);
      const { aggregate } = decided.judgement;
      expect(decided.decision.signals).toEqual([]);
      expect(aggregate.agreement).toBe(1);
      if (aggregate.ballot === null) throw new Error('no ballot');
      checkBallot(aggregate.ballot, proposal);
    },
  );

  test.each([
    ['malformed', 'invalid'],
    ['refusing', 'refusal'],
    ['truncating', 'truncated'],
  ])('%s gives no decision', async (persona, why) => {
    const decided = await decideWith(persona, aProposal());
    expect(decided).toMatchObject({ kind: 'too_few_answers', asked: 3, whys: [why, why, why] });
  });

  test.each(['malformed', 'refusing', 'truncating', 'slow', 'flaky'])(
    '%s: what it does not answer another does, and the decision says so',
    async (persona) => {
      await setModel({ persona: 'slow', latency_ms: 60_000 });
      const decided = await decideWith(persona, aProposal(), { fallbackModels: ['careful'], timeoutMs: 1_000 });
      if (decided.kind !== 'decided') throw new Error(decided.kind);
      const standIns = decided.decision.samples.map((sample) => (sample.kind === 'answer' ? sample.stand_in : 'none'));
      // Every other call of flaky is answered.
      expect(standIns.filter((name) => name === 'careful').length).toBeGreaterThan(0);
      expect(standIns).not.toContain('none');
      expect(decided.judgement.aggregate.agreement).toBe(1);
    },
  );

  test('slow: what is not there in time is no answer, and is worth another attempt', async () => {
    await setModel({ persona: 'slow', latency_ms: 60_000 });
    const decided = await decideWith('slow', aProposal(), { timeoutMs: 300 });
    expect(decided).toMatchObject({ kind: 'too_few_answers', whys: ['timeout', 'timeout', 'timeout'] });
    await setModel({ persona: 'slow', latency_ms: 20 });
    expect(aggregateOf(await decideWith('slow', aProposal())).agreement).toBe(1);
  });

  test('flaky: an answer that is missing lowers the agreement, and too few are none', async () => {
    const decided = await decideWith('flaky', aProposal());
    const careful = aggregateOf(await decideWith('careful', aProposal()));
    if (decided.kind === 'too_few_answers') expect(decided.whys.every((why) => why === 'unavailable')).toBe(true);
    else expect(aggregateOf(decided).confidence).toBeLessThanOrEqual(Math.min(2 / 3, careful.confidence));
  });

  test('a model of the sandbox beside one that breaks is not outvoted by it, nor does it vote alone', async () => {
    const decided = await decideWith('careful', aProposal(), { models: ['careful', 'malformed'] });
    expect(decided).toMatchObject({ kind: 'too_few_answers' });
  });
});
