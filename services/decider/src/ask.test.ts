import { preparedLog } from '../test/log.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Registry } from 'prom-client';
import { keysOf, REASONS, startModelServer, vote, type ModelServer, type Reply } from '../test/model-server.ts';
import { ask, createModelClient, type AskDeps, type Question } from './ask.ts';
import { createModelMetrics } from './model-metrics.ts';
import { keyOptions } from './options.ts';
import { answerSchema, readAnswer } from './schema.ts';
import { PATIENT } from '../../../test/patience.ts';

let server: ModelServer;
let log: ReturnType<typeof preparedLog>;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());
beforeEach(() => {
  log = preparedLog();
});

const CHOICES = ['For', 'Against'];
const OPTIONS = keyOptions(CHOICES, [2, 1]);
const QUESTION: Question = {
  model: 'small',
  messages: [
    { role: 'system', content: 'Rules.' },
    { role: 'user', content: 'Proposal.' },
  ],
  schema: answerSchema('basic', OPTIONS),
  read: (reply) => readAnswer(reply, { type: 'basic', choices: CHOICES }, OPTIONS, undefined),
};

function depsWith(changes: Partial<AskDeps> = {}, baseUrl = server.url): AskDeps {
  return {
    client: createModelClient({ baseUrl, apiKey: 'secret-key' }),
    timeoutMs: PATIENT.timeout,
    settings: { maxOutputTokens: 4_000, fallbackModels: [] },
    prices: {},
    metrics: createModelMetrics(new Registry()),
    log: log.logger,
    ...changes,
  };
}

/** A good ballot with other reasons. */
const answering = (reasons: Record<string, unknown>): Reply => ({
  kind: 'says',
  content: JSON.stringify({ ...REASONS, ...reasons, choice: 'B: For' }),
});
const RUSSIAN = 'Предложение ограничивает расходы, а остаток возвращается в казну.';
const inRussian = (field: string): Reply => answering({ [field]: RUSSIAN });

const FILTERED: Reply = { kind: 'says', content: '{}', finishReason: 'content_filter' };

const running = (): AbortSignal => new AbortController().signal;

/** Asks once and gives the calls that it took. */
async function askOnce(reply: Reply | ((nth: number) => Reply), deps = depsWith()) {
  const before = server.requests.length;
  server.behave((_request, nth) => (typeof reply === 'function' ? reply(nth - before) : reply));
  const asked = await ask(QUESTION, deps, running());
  return { asked, calls: server.requests.slice(before) };
}

describe('asking a model', () => {
  test('an answer that fits is a sample, with what it used', async () => {
    server.behave((request) => vote(request, 'For'));
    const asked = await ask(QUESTION, depsWith(), running());
    expect(asked.sample).toEqual({
      kind: 'answer',
      model: 'small',
      ballot: { kind: 'single', choice: { index: 1, label: 'For' } },
      confidence: 0.9,
      risk_level: 'low',
      risk_ground: REASONS.risk_ground,
      stakes: 'low',
      rationale: REASONS.rationale,
      key_factors: ['For: cheap', 'Against: late', 'Unknown: who pays'],
    });
    expect(asked.usage).toEqual({ calls: 1, input_tokens: 1_000, output_tokens: 100, cost_usd: null });
    expect(asked.answeredBy).toBe('small-2026');
  });

  test('is asked with the strict schema and two messages', async () => {
    const { calls } = await askOnce(FILTERED);
    expect(calls).toHaveLength(1);
    const [call] = calls;
    expect(call?.response_format.json_schema).toMatchObject({ name: 'decision', strict: true });
    expect(call === undefined ? [] : keysOf(call)).toEqual(['A: Against', 'B: For']);
    expect(call?.messages).toEqual(QUESTION.messages);
  });

  test('the cost is known where the price is', async () => {
    const prices = { small: { input_usd_per_million: 2, output_usd_per_million: 10 } };
    const { asked } = await askOnce(FILTERED, depsWith({ prices }));
    expect(asked.usage.cost_usd).toBeCloseTo(0.003, 10);
  });

  test.each([
    ['a refusal', { kind: 'refuses' }, 'refusal', 2],
    ['a filtered answer', FILTERED, 'refusal', 1],
    ['an answer cut at its length', { kind: 'says', content: '{"ra', finishReason: 'length' }, 'truncated', 2],
    ['prose, twice', { kind: 'says', content: 'I vote For.' }, 'invalid', 2],
    ['nothing, twice', { kind: 'says', content: '' }, 'invalid', 2],
    ['a rationale in a script that was not asked for, twice', inRussian('rationale'), 'invalid', 2],
    ['other reasons in such a script, twice', inRussian('risk_ground'), 'invalid', 2],
    ['a risk without a ground, twice', answering({ risk_ground: ' ' }), 'invalid', 2],
    ['a number for a label, twice', { kind: 'says', content: JSON.stringify({ ...REASONS, choice: 1 }) }, 'invalid', 2],
    ['429', { kind: 'status', status: 429, body: '{"error":{"message":"slow"}}' }, 'rate_limited', 1],
    ['500', { kind: 'status', status: 500, body: '{}' }, 'unavailable', 1],
    ['401', { kind: 'status', status: 401, body: '{"error":{"message":"bad key secret-key"}}' }, 'unavailable', 1],
    ['a page of HTML', { kind: 'status', status: 200, body: '<html>', contentType: 'text/html' }, 'unavailable', 1],
    ['broken JSON', { kind: 'status', status: 200, body: '{"choices": [' }, 'unavailable', 1],
    ['no choices', { kind: 'status', status: 200, body: '{"choices": []}' }, 'unavailable', 1],
    ['a cut line', { kind: 'cuts' }, 'unavailable', 1],
    ['an answer without an end', { kind: 'never ends' }, 'unavailable', 1],
  ] satisfies [string, Reply, string, number][])('%s is no answer', async (_what, reply, why, calls) => {
    const { asked, calls: made } = await askOnce(reply);
    expect(asked.sample).toEqual({ kind: 'no_answer', model: 'small', why });
    expect(made).toHaveLength(calls);
    expect(asked.usage.calls).toBe(calls);
    expect(log.text()).not.toContain('secret-key');
  });

  test.each([{ kind: 'silent' }, { kind: 'trickles' }] satisfies Reply[])(
    'a model that is $kind ends in a timeout',
    async (reply) => {
      const { asked } = await askOnce(reply, depsWith({ timeoutMs: 150 }));
      expect(asked.sample).toMatchObject({ why: 'timeout' });
    },
  );

  test.each([
    ['is turned away', { kind: 'status', status: 500, body: '{}' }, 0],
    ['is cut off', { kind: 'cuts' }, null],
    ['is left, since its answer does not end,', { kind: 'never ends' }, null],
    ['has an answer that says nothing', { kind: 'status', status: 200, body: '{"choices": [' }, null],
  ] satisfies [string, Reply, number | null][])(
    'a call that %s costs %o: unknown where it may be charged',
    async (_what, reply, cost) => {
      const prices = { small: { input_usd_per_million: 2, output_usd_per_million: 10 } };
      const { asked } = await askOnce(reply, depsWith({ prices }));
      expect(asked.usage.cost_usd).toBe(cost);
    },
  );

  test('a call that never arrives costs nothing', async () => {
    const gone = await startModelServer();
    await gone.close();
    const prices = { small: { input_usd_per_million: 2, output_usd_per_million: 10 } };
    const asked = await ask(QUESTION, depsWith({ prices }, gone.url), running());
    expect(asked.usage.cost_usd).toBe(0);
  });

  test.each([
    ['is not there', async (model: ModelServer) => model.close(), 'ECONNREFUSED'],
    [
      'does not end its answer',
      async (model: ModelServer) => model.behave(() => ({ kind: 'never ends' })),
      'ANSWER_TOO_LARGE',
    ],
  ])('the log says what happened where an endpoint %s', async (_what, ruin, code) => {
    const ill = await startModelServer();
    await ruin(ill);
    await ask(QUESTION, depsWith({}, ill.url), running());
    await ill.close();
    expect(log.events()).toMatchObject([{ msg: 'model did not answer', why: 'unavailable', code }]);
  });

  test('an endpoint that is not there is unavailable', async () => {
    const gone = await startModelServer();
    await gone.close();
    const asked = await ask(QUESTION, depsWith({}, gone.url), running());
    expect(asked.sample).toMatchObject({ why: 'unavailable' });
  });

  test('a reply that does not fit is repaired once', async () => {
    const good: Reply = { kind: 'says', content: JSON.stringify({ ...REASONS, choice: 'B: For' }) };
    const { asked, calls } = await askOnce((nth) => (nth === 0 ? { kind: 'says', content: '{"choice":"For"}' } : good));
    expect(asked.sample).toMatchObject({ kind: 'answer', ballot: { choice: { label: 'For' } } });
    expect(asked.usage).toMatchObject({ calls: 2, input_tokens: 2_000 });
    expect(asked.repaired).toContain('rationale');
    expect(calls[1]?.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(calls[1]?.messages[0]?.content).toContain('could not be used');
    expect(calls[1]?.messages[1]).toEqual(QUESTION.messages[1]);
  });

  test('an answer in another script is asked for once more, with what was wrong', async () => {
    const { asked, calls } = await askOnce((nth) => (nth === 0 ? inRussian('rationale') : answering({})));
    expect(asked.repaired).toBe(
      "its rationale is in a script that is neither Latin nor that of the owner's instructions",
    );
    expect(calls[1]?.messages[0]?.content).toContain(asked.repaired);
    expect(asked.sample).toMatchObject({ kind: 'answer', rationale: REASONS.rationale });
  });

  test('an answer in the script of the instructions counts, and so does one that quotes another', async () => {
    server.behave(() => inRussian('rationale'));
    const read = (reply: string) => readAnswer(reply, { type: 'basic', choices: CHOICES }, OPTIONS, 'Трать мало.');
    const own = await ask({ ...QUESTION, read }, depsWith(), running());
    expect(own.sample).toMatchObject({ kind: 'answer', rationale: RUSSIAN });
    const { asked, calls } = await askOnce(
      answering({
        rationale: `The text says "${RUSSIAN}", which is little.`,
        factors_for: [`"${RUSSIAN}"`, 'Матроскин'],
      }),
    );
    expect(asked.sample).toMatchObject({ kind: 'answer' });
    expect(calls).toHaveLength(1);
  });

  test('whoever stops it is told so', async () => {
    const stop = new AbortController();
    server.behave(() => {
      stop.abort(new DOMException('the job took too long', 'TimeoutError'));
      return { kind: 'silent' };
    });
    await expect(ask(QUESTION, depsWith(), stop.signal)).rejects.toThrow('the job took too long');
  });
});
