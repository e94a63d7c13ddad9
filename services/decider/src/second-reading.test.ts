import { randomBytes } from 'node:crypto';
import { judge as judgeBy } from '@quorum/shared/policy';
import type { Ballot } from '@quorum/snapshot/ballot';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { anySamples } from '../../../packages/shared/test/arbitraries.ts';
import { aProposal, preferencesWith, type ProposalChanges } from '../test/fixtures.ts';
import { quietLog } from '../test/log.ts';
import { startModelServer, vote, type ModelRequest, type ModelServer, type Reply } from '../test/model-server.ts';
import { PATIENT } from '../../../test/patience.ts';
import { createModelClient, put } from './ask.ts';
import { clean } from './clean.ts';
import { sampleSeed } from './inputs.ts';
import { createModelMetrics } from './model-metrics.ts';
import { longestQuestions, readAgain, readingSignals, SecondReading } from './second-reading.ts';

const KEY = randomBytes(32);
const SECRET = 'The bench is holy to me.';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

const BODY = 'Green costs 40 tokens. SECRETLY, it pleases nobody at all.';
const FACT = {
  kind: 'amount',
  about: 'the proposal',
  statement: 'It costs 40 tokens.',
  quote: 'Green costs 40 tokens.',
};

const asksForFacts = (request: ModelRequest): boolean =>
  JSON.stringify(request.response_format.json_schema.schema).includes('"quote"');
const says = (value: unknown): Reply => ({ kind: 'says', content: JSON.stringify(value) });

function inputOf(changes: ProposalChanges = {}, models = ['small']) {
  const proposal = aProposal({ body: BODY, ...changes });
  return {
    proposal,
    cleaned: clean(proposal, 10_000),
    preferences: preferencesWith({ instructions: SECRET }),
    models,
    seedOf: (name: 'reader' | 'judge' | 'reason' | number) => sampleSeed('h', name, proposal.choices.length, KEY),
  };
}

/** Reads again with a reader and a judge that answer so. */
async function reading(reader: Reply, judge: (request: ModelRequest) => Reply, models = ['small']) {
  server.behave((request) => (asksForFacts(request) ? reader : judge(request)));
  const from = server.requests.length;
  const deps = {
    client: createModelClient({ baseUrl: server.url, apiKey: 'key' }),
    timeoutMs: PATIENT.timeout,
    settings: { maxOutputTokens: 4_000, fallbackModels: [] },
    prices: {},
    metrics: createModelMetrics(new Registry()),
    log: quietLog(),
  };
  const found = await readAgain(inputOf({}, models), null, (question) =>
    put(question, deps, new AbortController().signal),
  );
  return { found: SecondReading.parse(found), requests: server.requests.slice(from) };
}

const DIFFERS = { strength: 'soft', kind: 'second_reading_differs' } as const;

/** Samples that are sure of a ballot. */
const first = (label: string) => ({ ballot: choice(1, label), confidences: [0.9], threshold: 0.7 });

/** A reading with a ballot that is nobody's. */
function differing(confidence: number): SecondReading {
  const usage = { calls: 1, input_tokens: 1, output_tokens: 1, cost_usd: 0 };
  const asked = { nonce: '', order: [], answered_by: null, repaired: null, tries: [], retry_after_s: null, usage };
  const call = { ...asked, model: 'small', why: null };
  const judged = { ...call, ballot: choice(99, 'Nobody’s'), confidence, rationale: '' };
  return { facts: [], dropped: 0, reader: call, judge: judged, canary_echoed: false };
}

const choice = (index: number, label: string): Ballot => ({ kind: 'single', choice: { index, label } });

describe('a second reading', () => {
  test('shows the judge the facts, the choices and what the owner wants, and never the text', async () => {
    const { found, requests } = await reading(says({ facts: [FACT] }), (request) => vote(request, 'Against'));
    const [reader, judge] = requests.map(({ messages }) => messages.map(({ content }) => content).join('\n'));
    expect(requests).toHaveLength(2);
    expect(reader).toContain('SECRETLY');
    expect(reader).not.toContain(SECRET);
    expect(judge).toContain('It costs 40 tokens.');
    expect(judge).toContain(SECRET);
    expect(judge).toContain(': Against');
    for (const untold of ['SECRETLY', 'Paint the garden', 'Green costs', '0x1111']) expect(judge).not.toContain(untold);
    expect(found).toMatchObject({ dropped: 0, judge: { ballot: { choice: { index: 2 } } }, canary_echoed: false });
  });

  test('goes on with what is borne out', async () => {
    const invented = { ...FACT, quote: 'Green costs nothing.', statement: 'It is free.' };
    const { found } = await reading(says({ facts: [invented, FACT] }), (request) => vote(request, 'For'));
    expect(found).toMatchObject({ facts: [{ statement: FACT.statement }], dropped: 1 });
  });

  test('ends without a judge where no fact is left, or the reader does not answer', async () => {
    const refused = await reading({ kind: 'refuses' }, (request) => vote(request, 'For'));
    expect(refused.found).toMatchObject({ facts: [], reader: { why: 'refusal' }, judge: null });
    const empty = await reading(says({ facts: [] }), (request) => vote(request, 'For'));
    expect(empty.found).toMatchObject({ reader: { why: null }, judge: null });
    // Who refuses is asked once more.
    expect([...refused.requests, ...empty.requests]).toHaveLength(3);
  });

  test('has one model read and another judge, where there are two', async () => {
    const { requests } = await reading(says({ facts: [FACT] }), (request) => vote(request, 'For'), ['one', 'two']);
    expect(requests.map(({ model }) => model)).toEqual(['one', 'two']);
  });

  test('hears its judge repeat the mark', async () => {
    const { found } = await reading(says({ facts: [FACT] }), (request) =>
      vote(request, 'For', { rationale: request.messages[0]?.content.slice(-400) }),
    );
    expect(found.canary_echoed).toBe(true);
  });

  test('is never longer than what is counted as its cost', async () => {
    const long = { ...FACT, statement: '漢'.repeat(900) };
    const { requests } = await reading(says({ facts: Array.from({ length: 99 }, () => long) }), (request) =>
      vote(request, 'For'),
    );
    const bytes = (messages: readonly { content: string }[]): number =>
      Buffer.byteLength(messages.map(({ content }) => content).join(''));
    const planned = longestQuestions(inputOf());
    expect(requests).toHaveLength(2);
    for (const [at, { messages }] of requests.entries()) {
      expect(bytes(messages)).toBeLessThanOrEqual(bytes(planned[at]?.messages ?? []));
    }
  });
});

describe('its signal', () => {
  const withBallot = async (label: string) =>
    (await reading(says({ facts: [FACT] }), (request) => vote(request, label))).found;

  test('is none where the judge agrees, or where there is no ballot to differ from', async () => {
    const found = await withBallot('For');
    expect(readingSignals(found, first('For'))).toEqual([]);
    expect(readingSignals(found, { ...first('For'), ballot: null })).toEqual([]);
    expect(readingSignals(null, first('For'))).toEqual([]);
  });

  test('is soft where the judge differs', async () => {
    expect(readingSignals(await withBallot('Against'), first('For'))).toEqual([DIFFERS]);
  });

  test.each([
    ['nobody is sure', 0.55, [0.5, 0.59], 0.7, false],
    ['the judge is sure', 0.7, [0.5, 0.55], 0.7, true],
    ['one sample is sure', 0.55, [0.55, 0.9], 0.7, true],
    ['somebody is sure, though not for this owner', 0.55, [0.55, 0.8], 0.95, true],
    ['the owner asks for so little that it would be cast', 0.55, [0.55, 0.59], 0.5, true],
    ['somebody would bet three to two', 0.55, [0.6], 0.7, true],
  ])(
    'where the judge differs and %s: %d, %j, threshold %d: %j',
    async (_what, judged, confidences, threshold, told) => {
      const { found } = await reading(says({ facts: [FACT] }), (request) =>
        vote(request, 'Against', { confidence: judged }),
      );
      const signals = readingSignals(found, { ballot: choice(1, 'For'), confidences, threshold });
      expect(signals).toEqual(told ? [DIFFERS] : []);
    },
  );

  test('is left out of nothing that would be cast', () => {
    fc.assert(
      fc.property(
        anySamples(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat({ max: 99 }),
        (samples, threshold, judged) => {
          const preferences = preferencesWith({ confidence_threshold: threshold, voting_strategy: 'aggressive' });
          const judgement = judgeBy({ executable: false, samples, signals: [], stakes: 'low' }, preferences);
          if (judgement.kind !== 'judged') return;
          const { ballot } = judgement.aggregate;
          const confidences = samples.flatMap((sample) => (sample.kind === 'answer' ? [sample.confidence] : []));
          const signals = readingSignals(differing(judged / 100), { ballot, confidences, threshold });
          expect(judgement.verdict.kind === 'cast' && signals.length === 0).toBe(false);
        },
      ),
    );
  });

  test.each([
    ['the reader', { kind: 'refuses' } as const, 'For'],
    ['the judge', says({ facts: [FACT] }), null],
  ])('is soft where %s gives no answer', async (_who, reader, label) => {
    const { found } = await reading(reader, (request) => (label === null ? { kind: 'refuses' } : vote(request, label)));
    const missing = { strength: 'soft', kind: 'second_reading_missing' };
    expect(readingSignals(found, first('For'))).toEqual([missing]);
    expect(readingSignals(found, { ...first('For'), confidences: [0.1] })).toEqual([missing]);
  });
});
