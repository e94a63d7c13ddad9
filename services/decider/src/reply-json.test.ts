import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { readJson } from './reply-json.ts';

describe('the JSON of a reply', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    [' \n{"a":1}\n', { a: 1 }],
    ['```json\n{"a":1}\n```', { a: 1 }],
    ['```\n{"a":1}\n```\n', { a: 1 }],
    ['<think>First {"a":2} comes to mind.</think>\n{"a":1}', { a: 1 }],
    ['{"a":"```"}', { a: '```' }],
    ['{"a":{"b":1},"b":[{"b":1},{"b":2}]}', { a: { b: 1 }, b: [{ b: 1 }, { b: 2 }] }],
    ['{"a":"\\"a\\": {","b":"a"}', { a: '"a": {', b: 'a' }],
  ])('%j', (reply, value) => {
    expect(readJson(reply)).toEqual({ kind: 'json', value });
  });

  test.each([
    ['I vote {"a":1}', 'it is not JSON'],
    ['{"a":1} {"a":2}', 'it is not JSON'],
    ['```json\n{"a":1}\n```\nor\n```json\n{"a":2}\n```', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['{"choice":"A: For","choice":"B: Against"}', 'it has a field twice'],
    ['{"choice":"A: For","\\u0063hoice":"B: Against"}', 'it has a field twice'],
    ['[{"a":{"b":1,"c":[],"b":1}}]', 'it has a field twice'],
  ])('%j: %s', (reply, why) => {
    expect(readJson(reply)).toEqual({ kind: 'none', why });
  });

  property.prop([fc.jsonValue()])('any value comes back as it is', (value) => {
    const text = JSON.stringify(value);
    expect(readJson(text)).toEqual({ kind: 'json', value: JSON.parse(text) });
  });
});
