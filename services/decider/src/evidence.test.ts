import { newRunId } from '@quorum/shared/ids';
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Decision, type Sample } from '@quorum/shared/decision';
import { judge } from '@quorum/shared/policy';
import { aProposal, preferencesWith } from '../test/fixtures.ts';
import type { Try } from './ask.ts';
import { writeEvidence, type EvidenceInput } from './evidence.ts';
import { inputsHash, questionInputs } from './inputs.ts';

const RUN_ID = newRunId();
const PREFERENCES = preferencesWith({ instructions: 'Keep the garden quiet.' });
const INPUTS = questionInputs('v1', 'c'.repeat(64), PREFERENCES, {
  endpoint: 'https://models.example/v1',
  models: ['small'],
  fallbackModels: [],
  samples: 1,
  maxBodyTokens: 100,
  maxOutputTokens: 50,
  secondReading: 'never',
});
const USAGE = { calls: 1, input_tokens: 10, output_tokens: 5, cost_usd: null };
const SAMPLE: Sample = {
  kind: 'answer',
  model: 'small',
  ballot: { kind: 'single', choice: { index: 1, label: 'For' } },
  confidence: 0.9,
  risk_level: 'low',
  stakes: 'low',
  rationale: 'Green pleases.',
  key_factors: ['For: green'],
};

const TRY: Try = {
  model: 'small',
  form: 'json_schema',
  result: 'answer',
  why: null,
  answered_by: 'small-2',
  cost_from: null,
};

function inputFor(sample: Sample): EvidenceInput {
  const decision = Decision.omit({ evidence_hash: true }).parse({
    run_id: RUN_ID,
    owner: 'owner',
    space_id: 'quorum-demo.eth',
    proposal_id: aProposal().id,
    content_hash: 'c'.repeat(64),
    preferences_version: 'd'.repeat(64),
    strategy_used: 'balanced',
    executable: false,
    samples: [sample],
    signals: [],
    stakes: 'low',
    inputs_hash: inputsHash(INPUTS),
    public_reason: '',
    usage: USAGE,
    decided_at: 1,
  });
  const judgement = judge(decision, PREFERENCES);
  if (judgement.kind !== 'judged') throw new Error('This sample makes no decision');
  return {
    decision,
    inputs: INPUTS,
    cleaned: { cut: 0, removed: { tags: 1, images: 2, invisible: 3, hidden: ['secret words'] } },
    answers: {
      samples: [
        {
          sample,
          usage: USAGE,
          answered_by: 'small-2',
          repaired: null,
          tries: [TRY],
          retry_after_s: null,
          nonce: 'n',
          order: [1, 2, 3],
        },
      ],
      second_reading: null,
      written_reason: null,
      canary_echoed: false,
    },
    reusedFrom: null,
    stakesGrounds: [],
    judgement,
  };
}

describe('an evidence record', () => {
  test('is named by the SHA-256 of its text', () => {
    const { hash, text } = writeEvidence(inputFor(SAMPLE));
    expect(createHash('sha256').update(text).digest('hex')).toBe(hash);
  });

  test('has a salt: the name of a record does not give its content away', () => {
    const [one, other] = [writeEvidence(inputFor(SAMPLE)), writeEvidence(inputFor(SAMPLE))];
    expect(one.hash).not.toBe(other.hash);
    const unsalted = (text: string): string => text.replace(/"salt":"[0-9a-f]{32}"/, '');
    expect(unsalted(one.text)).toBe(unsalted(other.text));
  });

  test('holds what a decision rests on', () => {
    expect(JSON.parse(writeEvidence(inputFor(SAMPLE)).text)).toMatchObject({
      version: 1,
      decision: { strategy_used: 'balanced', stakes: 'low' },
      inputs: { prompt_version: 'v1', configuration: { models: ['small'] }, preferences: { version: 'd'.repeat(64) } },
      cleaning: { images: 2, hidden_texts: 1 },
      samples: [{ sample: SAMPLE, nonce: 'n', order: [1, 2, 3], answered_by: 'small-2', usage: USAGE }],
      judgement: { verdict: { kind: 'cast' }, aggregate: { confidence: 0.9 } },
    });
  });

  test("refers to the owner's instructions and does not repeat them", () => {
    expect(writeEvidence(inputFor(SAMPLE)).text).not.toContain('garden quiet');
  });
});
