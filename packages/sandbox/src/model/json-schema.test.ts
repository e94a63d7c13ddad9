/** Schemas of other people's making: whatever is asked for, the answer fits, and a ballot is found where there is one. */
import { fc, test as property } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chat, schemaJudge } from '../../test/decision.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import { fill, fits } from './json-schema.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
  await sandboxTarget('No');
});
afterAll(() => sandbox.close());

async function sandboxTarget(target: string) {
  const body = JSON.stringify({ persona: 'owned', target });
  await fetch(`${sandbox.url}/_sandbox/model`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  });
}

const { schema } = fc.letrec<{ schema: object; leaf: object }>((tie) => ({
  leaf: fc.oneof(
    fc.record({ type: fc.constant('string'), minLength: fc.nat(5) }),
    fc.record({ type: fc.constant('string'), format: fc.constantFrom('date', 'date-time', 'email', 'uuid', 'ipv4') }),
    fc.record({ type: fc.constant('string'), enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 }) }),
    fc.integer({ min: -9, max: 9 }).map((minimum) => ({ type: 'integer', minimum, maximum: minimum + 4 })),
    fc.integer({ min: -9, max: 9 }).map((low) => ({ type: 'number', exclusiveMinimum: low, maximum: low + 1 })),
    fc.constantFrom({ type: 'boolean' }, { type: 'null' }, { type: ['string', 'null'] }, { const: 'fixed' }),
  ),
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), tie('schema'), { maxKeys: 4 }).map((properties) => ({
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    })),
    fc.record({ type: fc.constant('array'), items: tie('schema'), minItems: fc.nat(3) }),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf })),
  ),
}));

property.prop([schema])('what is filled in fits, by a judge that is not ours', (asked) => {
  const value = fill(asked, asked, () => undefined);
  expect(() => schemaJudge(asked).parse(value)).not.toThrow();
  expect(fits(value, asked, asked)).toBe(true);
});

property.prop([schema, fc.jsonValue()])(
  'whether a value fits is told as that judge tells it, but for formats',
  (formatted, value) => {
    const asked: object = JSON.parse(
      JSON.stringify(formatted, (name, each: unknown) => (name === 'format' ? undefined : each)),
    );
    expect(fits(value, asked, asked)).toBe(schemaJudge(asked).safeParse(value).success);
  },
);

test('a schema that contains itself comes to an end', () => {
  const tree = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      children: { type: 'array', items: { $ref: '#' } },
      next: { anyOf: [{ $ref: '#' }, { type: 'null' }] },
    },
    required: ['name', 'children', 'next'],
    additionalProperties: false,
  };
  expect(
    fits(
      fill(tree, tree, () => undefined),
      tree,
      tree,
    ),
  ).toBe(true);
});

const closed = (properties: Record<string, unknown>) => ({
  type: 'object' as const,
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});
const YES_NO = { type: 'string', enum: ['Yes', 'No'] };

describe('a ballot is found in schemas that are not the decider’s', () => {
  test.each([
    ['another name', closed({ reason: { type: 'string' }, vote: YES_NO }), { vote: 'No' }],
    [
      'nested',
      closed({ result: closed({ decision: YES_NO, confidence: { type: 'integer', minimum: 0, maximum: 100 } }) }),
      { result: { decision: 'No', confidence: 100 } },
    ],
    ['nullable', closed({ choice: { anyOf: [YES_NO, { type: 'null' }] } }), { choice: 'No' }],
    [
      'by reference',
      { ...closed({ selected: { type: 'array', items: { $ref: '#/$defs/option' } } }), $defs: { option: YES_NO } },
      { selected: ['No'] },
    ],
    [
      'shares of one',
      closed({
        allocation: {
          type: 'array',
          items: closed({
            option: YES_NO,
            share: { type: 'number', minimum: 0, maximum: 1 },
            note: { type: 'string' },
          }),
        },
      }),
      { allocation: [{ option: 'No', share: 1, note: '' }] },
    ],
    [
      'a number for each',
      closed({ weights: closed({ Yes: { type: 'number' }, No: { type: 'number' } }) }),
      { weights: { Yes: 0, No: 100 } },
    ],
    [
      'a ranking',
      closed({ ranked_options: { type: 'array', items: YES_NO, minItems: 2, maxItems: 2 } }),
      { ranked_options: ['No', 'Yes'] },
    ],
    [
      'a field that is no ballot',
      closed({ tone: { type: 'string', enum: ['warm', 'cold'] }, score: { type: 'number', minimum: 3 } }),
      { tone: 'warm', score: 3 },
    ],
  ])('%s', async (_, asked, expected) => {
    const { content } = await chat(sandbox.url, {
      model: 'owned',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Shall we buy a boat?' }] }],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', strict: true, schema: asked } },
    });
    const said: unknown = JSON.parse(content);
    expect(said).toMatchObject(expected);
    expect(() => schemaJudge(asked).parse(said)).not.toThrow();
  });
});
