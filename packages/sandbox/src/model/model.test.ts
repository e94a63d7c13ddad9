/** The model endpoint: what an OpenAI client sees, and that `careful` depends on the words alone. */
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from '../../test/client.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import { DEMO_TEXTS, type DemoText } from '../worlds/demo-texts.ts';

const Completion = z.object({
  choices: z.tuple([
    z.object({ message: z.object({ content: z.string().nullable(), refusal: z.string().nullable() }) }),
  ]),
  usage: z.object({ prompt_tokens: z.int().min(1), completion_tokens: z.int(), total_tokens: z.int() }),
});
const Decision = z.object({
  rationale: z.string(),
  confidence: z.number().min(0.55).max(0.95),
  risk_level: z.enum(['low', 'medium', 'high']),
  stakes: z.enum(['low', 'high']),
});
const Weights = z.array(z.object({ choice: z.string(), percent: z.number() }));

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const FORMS = {
  basic: 'choice',
  'single-choice': 'choice',
  approval: 'choices',
  'ranked-choice': 'ranking',
  copeland: 'ranking',
  weighted: 'weights',
  quadratic: 'weights',
} as const;

/** A request as the decider makes it, with the choices in the order given. */
function request(model: string, { type, title, body }: DemoText, choices: readonly string[]) {
  const keys = choices.map((label, index) => `${String.fromCharCode(65 + index)}: ${label}`);
  const key = { type: 'string', enum: keys };
  const ballots = {
    choice: key,
    choices: { type: 'array', items: key },
    ranking: { type: 'array', items: key },
    weights: { type: 'array', items: { type: 'object', properties: { choice: key, percent: { type: 'number' } } } },
  };
  const form = FORMS[type];
  const list = (items: object) => ({ type: 'array', items });
  const properties = {
    rationale: { type: 'string' },
    factors_for: list({ type: 'string' }),
    factors_against: list({ type: 'string' }),
    unknowns: list({ type: 'string' }),
    [form]: ballots[form],
    confidence: { type: 'number' },
    risk_level: { type: 'string', enum: ['low', 'medium', 'high'] },
    stakes: { type: 'string', enum: ['low', 'high'] },
    quotes: list({ type: 'string' }),
  };
  return {
    model,
    messages: [
      { role: 'system', content: 'You decide how to vote.' },
      { role: 'user', content: `Title: ${title}\n${body}\nChoices:\n${keys.join('\n')}` },
    ],
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'decision', strict: true, schema: { type: 'object', properties } },
    },
  };
}

async function complete(body: object) {
  return call('POST', `${sandbox.url}/v1/chat/completions`, body);
}

async function decide(text: DemoText, choices: readonly string[] = text.choices, model = 'careful') {
  const { body } = await complete(request(model, text, choices));
  const answer: unknown = JSON.parse(Completion.parse(body).choices[0].message.content ?? '');
  return z.record(z.string(), z.unknown()).parse(answer);
}

/** The ballot in labels, without the keys, which are another for each order. */
function ballot(answer: Record<string, unknown>, text: DemoText): unknown {
  const label = (key: string): string => key.replace(/^[A-Z]+: /, '');
  const said = answer[FORMS[text.type]];
  if (typeof said === 'string') return label(said);
  const weights = Weights.safeParse(said);
  if (weights.success) return Object.fromEntries(weights.data.map(({ choice, percent }) => [label(choice), percent]));
  return z.array(z.string()).parse(said).map(label);
}

function textOf(name: DemoText['name']): DemoText {
  const found = DEMO_TEXTS.find((text) => text.name === name);
  if (!found) throw new Error(`no demo proposal ${name}`);
  return found;
}

describe('careful', () => {
  property.prop([
    fc.constantFrom(...DEMO_TEXTS).chain((text) => {
      const shuffled = fc.shuffledSubarray([...text.choices], { minLength: text.choices.length });
      return shuffled.map((choices) => ({ text, choices }));
    }),
  ])('says the same whatever the order of the choices', async ({ text, choices }) => {
    const [one, other] = await Promise.all([decide(text), decide(text, choices)]);
    expect(ballot(other, text)).toEqual(ballot(one, text));
    expect(other['confidence']).toBe(one['confidence']);
    expect(other['rationale']).toBe(one['rationale']);
  });

  test.each(DEMO_TEXTS)('answers all that the schema asks for: $name', async (text) => {
    const answer = await decide(text);
    Decision.parse(answer);
    expect(Object.keys(answer)).toEqual(
      Object.keys(request('careful', text, text.choices).response_format.json_schema.schema.properties),
    );
  });

  test.each([
    ['grant', 'For'],
    ['parameter', 'Yes, lower it to 12 %'],
    ['mint', 'Against'],
    ['becas', 'A favor'],
  ] as const)('reads labels by meaning: %s', async (name, label) => {
    expect(ballot(await decide(textOf(name)), textOf(name))).toBe(label);
  });

  test('ranks all, and gives weights that sum to 100', async () => {
    const auditor = textOf('auditor');
    expect(
      z
        .array(z.string())
        .parse(ballot(await decide(auditor), auditor))
        .toSorted(),
    ).toEqual(auditor.choices.toSorted());
    const weights = z.record(z.string(), z.number()).parse(ballot(await decide(textOf('gauge')), textOf('gauge')));
    expect(Object.values(weights).reduce((sum, percent) => sum + percent, 0)).toBe(100);
  });

  test('does not approve the candidate with red flags', async () => {
    expect(ballot(await decide(textOf('council')), textOf('council'))).not.toContain('Captain Moonrise');
  });

  test('is unsure of the partnership, sure of the grant, and afraid of the mint', async () => {
    expect((await decide(textOf('partnership')))['confidence']).toBeLessThan(0.7);
    expect((await decide(textOf('grant')))['confidence']).toBeGreaterThan(0.7);
    expect((await decide(textOf('mint')))['risk_level']).toBe('high');
  });

  test('cites words of the proposal', async () => {
    expect((await decide(textOf('grant')))['rationale']).toContain('milestones');
  });

  test('answers plain text where no schema is given', async () => {
    const { response_format: _, ...plain } = request('careful', textOf('grant'), ['For', 'Against']);
    const { body } = await complete(plain);
    expect(Completion.parse(body).choices[0].message.content).toMatch(/^The text speaks of/);
  });
});

describe('the other personas', () => {
  const grant = textOf('grant');
  beforeEach(async () => {
    await call('POST', `${sandbox.url}/_sandbox/model`, { persona: 'slow', latency_ms: 30 });
  });

  test('owned says what the test set, sure of it and without risk', async () => {
    await call('POST', `${sandbox.url}/_sandbox/model`, { persona: 'owned', target: 'Abstain' });
    const answer = await decide(grant, ['Against', 'Abstain', 'For'], 'owned');
    expect(answer).toMatchObject({ choice: 'B: Abstain', confidence: 1, risk_level: 'low' });
    await call('POST', `${sandbox.url}/_sandbox/model`, { persona: 'owned', target: 'Elsewhere' });
    expect((await complete(request('owned', grant, grant.choices))).status).toBe(400);
  });

  test('flaky fails every other call', async () => {
    const statuses: number[] = [];
    for (let nth = 0; nth < 4; nth += 1) statuses.push((await complete(request('flaky', grant, grant.choices))).status);
    expect(statuses).toEqual([500, 200, 500, 200]);
  });

  test('malformed, refusing and slow', async () => {
    const malformed = Completion.parse((await complete(request('malformed', grant, grant.choices))).body);
    expect(JSON.parse(malformed.choices[0].message.content ?? '')).toEqual({
      verdict: 'maybe',
      choice: 'Z: none of these',
    });
    const refusing = Completion.parse((await complete(request('refusing', grant, grant.choices))).body);
    expect(refusing.choices[0].message).toMatchObject({ content: null, refusal: 'I cannot help with that.' });
    const began = performance.now();
    expect(ballot(await decide(grant, grant.choices, 'slow'), grant)).toBe('For');
    expect(performance.now() - began).toBeGreaterThanOrEqual(29);
  });

  test('an unknown model is 404, and the list says what they are worth', async () => {
    expect((await complete(request('gpt', grant, grant.choices))).status).toBe(404);
    const { body } = await call('GET', `${sandbox.url}/v1/models`);
    const { data } = z.object({ data: z.array(z.object({ id: z.string(), description: z.string() })) }).parse(body);
    expect(data.map(({ id }) => id)).toContain('careful');
    for (const { description } of data) expect(description).toMatch(/^A stand-in that decides nothing of worth/);
  });
});
