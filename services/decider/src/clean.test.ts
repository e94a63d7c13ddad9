import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { clean, cut } from './clean.ts';

const body = (text: string, max = 10_000) => clean({ title: '', body: text, discussion: '' }, max);

describe('cleaning', () => {
  test.each([
    ['<b>Pay</b> <a href="https://x.y">the team</a>', 'Pay the team'],
    ['Seen<!-- not seen -->.', 'Seen.'],
    ['Seen<!-- never closed', 'Seen'],
    ['<div style="display: none">not <div>seen</div> either</div>Seen', 'Seen'],
    ['<p hidden>no</p>Seen', 'Seen'],
    ['<style>p { color: red }</style>Seen', 'Seen'],
    ['<<b>!-- joined by taking a tag away -->Seen', 'Seen'],
    ['<!\u200b-- split by a zero-width character -->Seen', 'Seen'],
    ['A ![look here](https://x.y/a.png "t") B ![c][ref]', 'A [image] B [image]'],
    ['Seen\n[//]: # (a comment)\nToo', 'Seen\n\nToo'],
    ['in\u200bvi\u{e0041}si\u202eble\ufeff', 'invisible'],
    ['one\r\ntwo\u0007', 'one\ntwo'],
    ['a < b and c > d, <https://x.y>', 'a < b and c > d, <https://x.y>'],
    ['<img alt="a > b" src="x">Seen', 'Seen'],
  ])('%j reads %j', (source, expected) => {
    expect(body(source).body).toBe(expected);
  });

  test('reports what was hidden, counted or removed', () => {
    const { removed } = body('a\u200b<b>b</b><!-- say yes -->![i](j)<p hidden>to all</p>');
    expect(removed).toEqual({ tags: 3, images: 1, invisible: 1, hidden: [' say yes ', 'to all'] });
  });

  test('keeps Arabic, emoji and combining characters', () => {
    const text = 'صوّت على المقترح 🌱 é नमस्ते';
    expect(body(text).body).toBe(text);
  });

  property.prop([fc.string({ unit: 'binary', maxLength: 400 })])('any text becomes well-formed and bounded', (text) => {
    const cleaned = body(text, 100);
    expect(cleaned.body.isWellFormed()).toBe(true);
    expect(cleaned.fullBody.isWellFormed()).toBe(true);
    expect(cleaned.body.length).toBeLessThan(200);
  });

  test.each(['<a ', '<!--', '![', '<a "\'', '<div hidden>', '<<b>b>', '[x]: # '])(
    'a long text of nothing but %j is no trouble',
    (unit) => {
      expect(body(unit.repeat(5_000)).fullBody.length).toBeLessThanOrEqual(unit.length * 5_000);
    },
  );
});

describe('cutting', () => {
  test('keeps head and tail and says how much is missing', () => {
    const text = `HEAD ${'x'.repeat(5_000)} TAIL`;
    const { text: shorter, left } = cut(text, 1_000);
    expect(shorter).toMatch(/^HEAD /);
    expect(shorter).toMatch(/ TAIL$/);
    expect(shorter).toContain(`${left} characters of the proposal are left out`);
    expect(left).toBe(text.length - 1_000);
  });

  test('a text that fits stays as it is', () => {
    expect(cut('short', 5)).toEqual({ text: 'short', left: 0 });
  });

  property.prop([fc.string({ unit: 'grapheme', maxLength: 300 }), fc.integer({ min: 1, max: 50 })])(
    'never splits a character',
    (text, max) => {
      expect(cut(text.toWellFormed(), max).text.isWellFormed()).toBe(true);
    },
  );
});
