/** Each persona over HTTP: what it is for, and that its answer fits the schema wherever it is meant to. */
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from '../../test/client.ts';
import {
  chat,
  decision,
  decisionRequest,
  decisionSchema,
  keysOf,
  schemaJudge,
  type Question,
} from '../../test/decision.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import { SIX_SPACES } from '../worlds/six-spaces.ts';
import { PERSONAS } from './personas.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
  await set({ persona: 'slow', latency_ms: 20 });
});
afterAll(() => sandbox.close());

async function set(setting: object) {
  expect((await call('POST', `${sandbox.url}/_sandbox/model`, setting)).status).toBe(200);
}

const QUESTION: Question = {
  type: 'basic',
  title: 'Buy a boat',
  body: 'The harbour needs one. It costs 20,000 USDC, capped, paid by milestones, with monthly reports.',
  choices: ['For', 'Against', 'Abstain'],
};

describe('a schema is honoured', () => {
  // flaky's errors are seen elsewhere: here its first answer that is none is passed over.
  const fitting = Object.keys(PERSONAS).filter((name) => !['malformed', 'refusing', 'truncating'].includes(name));

  test.each(fitting.flatMap((persona) => VOTING_TYPES.map((type) => [persona, type] as const)))(
    '%s, %s',
    async (persona, type) => {
      await set({ persona: 'owned', target: 'Against' });
      const question = { ...QUESTION, type };
      if (persona === 'flaky')
        await call('POST', `${sandbox.url}/v1/chat/completions`, decisionRequest(persona, question));
      const answer = await decision(sandbox.url, persona, question);
      const schema = schemaJudge(decisionSchema(type, keysOf(question.choices)));
      expect(() => schema.parse(answer)).not.toThrow();
      const weights = z.array(z.object({ percent: z.number() })).safeParse(answer['weights']);
      if (weights.success) expect(weights.data.reduce((sum, { percent }) => sum + percent, 0)).toBe(100);
    },
  );

  test.each(['malformed', 'truncating', 'refusing'])('%s does not, and that is its part', async (persona) => {
    await expect(decision(sandbox.url, persona, QUESTION).then((said) => DECISION.parse(said))).rejects.toThrow();
  });
});
const DECISION = schemaJudge(decisionSchema('basic', keysOf(QUESTION.choices)));

test('truncating stops half-way and says so', async () => {
  const { completion, content } = await chat(sandbox.url, decisionRequest('truncating', QUESTION));
  expect(completion.choices[0].finish_reason).toBe('length');
  const whole = (await chat(sandbox.url, decisionRequest('careful', QUESTION))).content;
  expect(content).toBe(whole.slice(0, Math.floor(whole.length / 2)));
});

test('a limit on tokens is kept to', async () => {
  const request = { ...decisionRequest('careful', QUESTION), max_completion_tokens: 10 };
  const { completion } = await chat(sandbox.url, request);
  expect(completion.choices[0].finish_reason).toBe('length');
  expect(completion.usage.completion_tokens).toBe(10);
});

test('biased-first takes what the prompt lists first, whatever the schema lists', async () => {
  for (const choices of [
    ['Against', 'For', 'Abstain'],
    ['Abstain', 'Against', 'For'],
  ]) {
    expect((await decision(sandbox.url, 'biased-first', { ...QUESTION, choices }))['choice']).toBe(`A: ${choices[0]}`);
  }
  const request = decisionRequest('biased-first', QUESTION);
  const reversed = keysOf(QUESTION.choices).toReversed();
  const format = {
    json_schema: { name: 'd', strict: true, schema: decisionSchema('basic', reversed) },
    type: 'json_schema',
  };
  const { content } = await chat(sandbox.url, { ...request, response_format: format });
  expect(JSON.parse(content)).toMatchObject({ choice: 'A: For' });
  const ranked = await decision(sandbox.url, 'biased-first', { ...QUESTION, type: 'copeland' });
  expect(ranked['ranking']).toEqual(['A: For', 'B: Against', 'C: Abstain']);
});

test('noisy says the same for the same seed and question, and something else for others', async () => {
  const ask = async (seed: number): Promise<unknown[]> => {
    await set({ persona: 'noisy', seed });
    const answers = [];
    for (let nth = 0; nth < 12; nth += 1) {
      const said = await decision(sandbox.url, 'noisy', { ...QUESTION, title: `Buy boat number ${nth}` });
      answers.push({ choice: said['choice'], confidence: said['confidence'] });
    }
    return answers;
  };
  const first = await ask(7);
  expect(await ask(7)).toEqual(first);
  expect(await ask(8)).not.toEqual(first);
  expect(new Set(first.map((each) => JSON.stringify(each))).size).toBeGreaterThan(4);
});

describe('owned', () => {
  test.each([
    ['approval', ['For', 'Abstain'], { choices: ['A: For', 'C: Abstain'] }],
    ['ranked-choice', ['Against'], { ranking: ['B: Against', 'C: Abstain', 'A: For'] }],
    ['weighted', 'Against', { weights: [{ choice: 'B: Against', percent: 100 }] }],
  ] as const)('%s: its target in the form of the ballot, every time', async (type, target, ballot) => {
    await set({ persona: 'owned', target });
    for (let sample = 0; sample < 3; sample += 1) {
      const said = await decision(sandbox.url, 'owned', { ...QUESTION, type });
      expect(said).toMatchObject({ ...ballot, confidence: 1, risk_level: 'low' });
    }
  });

  test('without a target it says what is missing', async () => {
    const fresh = await startSandbox();
    const { status, body } = await call('POST', `${fresh.url}/v1/chat/completions`, decisionRequest('owned', QUESTION));
    await fresh.close();
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: { message: expect.stringContaining('/_sandbox/model') } });
  });
});

test('one model by its name, and all of them: stand-ins, and they say so', async () => {
  const one = await call('GET', `${sandbox.url}/v1/models/gullible`);
  expect(one.body).toMatchObject({ id: 'gullible', object: 'model', owned_by: 'quorum-sandbox-stand-in' });
  expect((await call('GET', `${sandbox.url}/v1/models/gpt`)).status).toBe(404);
  const { body } = await call('GET', `${sandbox.url}/v1/models`);
  const { data } = z.object({ data: z.array(z.object({ id: z.string() })) }).parse(body);
  expect(data.map(({ id }) => id).toSorted()).toEqual(Object.keys(PERSONAS).toSorted());
});

test('any JSON object where only JSON is asked for', async () => {
  const { content } = await chat(sandbox.url, {
    ...decisionRequest('careful', QUESTION),
    response_format: { type: 'json_object' },
  });
  expect(JSON.parse(content)).toHaveProperty('confidence');
});

describe('careful reads other languages', () => {
  const worlds = SIX_SPACES.flatMap(({ proposals }) => proposals);
  test.each([
    ['bibliobus', 'A: A favor'],
    ['zh-dictionary', 'A: 赞成'],
    ['zh-contract', 'C: 不同意升级'],
    ['ar-school', 'A: نعم'],
  ])('%s: %s', async (name, choice) => {
    const question = worlds.find((text) => text.name === name);
    if (!question) throw new Error(`no proposal ${name}`);
    expect((await decision(sandbox.url, 'careful', question))['choice']).toBe(choice);
  });
});
