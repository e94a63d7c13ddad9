import { randomBytes } from 'node:crypto';
import { contentHash } from '@quorum/snapshot/content-hash';
import { checkBallot } from '@quorum/snapshot/ballot';
import { startSandbox, type Sandbox } from '@quorum/sandbox/start-sandbox';
import { DEMO_TEXTS } from '@quorum/sandbox/worlds/demo-texts';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aProposal, preferencesWith } from '../test/fixtures.ts';
import { quietLog } from '../test/log.ts';
import { createModelClient } from './ask.ts';
import { decide } from './decide.ts';
import { createModelMetrics } from './model-metrics.ts';
import { PATIENT } from '../../../test/patience.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

/** Decides a proposal with a persona of the sandbox. */
function decideWith(persona: string, proposal: ReturnType<typeof aProposal>) {
  const deps = {
    client: createModelClient({ baseUrl: `${sandbox.url}/v1`, apiKey: 'sandbox' }),
    timeoutMs: PATIENT.timeout,
    prices: {},
    metrics: createModelMetrics(new Registry()),
    log: quietLog(),
    settings: { models: [persona], samples: 3, maxBodyChars: 60_000 },
    key: randomBytes(32),
    now: Date.now,
  };
  const input = {
    runId: newRunId(),
    owner: OwnerId.parse('owner'),
    proposal,
    contentHash: contentHash(proposal),
    preferences: preferencesWith({ confidence_threshold: 0.5 }),
    preferencesVersion: '0'.repeat(64),
    votingPower: 1,
  };
  return decide(input, deps, new AbortController().signal);
}

describe("with the sandbox's model", () => {
  const open = DEMO_TEXTS.filter(({ name }) => name !== 'spam');
  test.each(open)(
    '$name ($type) ends in a ballot that all samples agree on',
    async ({ type, title, body, choices }) => {
      const proposal = aProposal({ type, title, body, choices });
      const decided = await decideWith('careful', proposal);
      if (decided.kind !== 'decided') throw new Error(decided.whys.join());
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
  ])('%s gives no decision', async (persona, why) => {
    const decided = await decideWith(persona, aProposal());
    expect(decided).toMatchObject({ kind: 'too_few_answers', asked: 3, whys: [why, why, why] });
  });
});
