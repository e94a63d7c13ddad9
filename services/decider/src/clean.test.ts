import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { clean, cut } from './clean.ts';
import { countTokens } from './tokens.ts';

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
    ['A ![look here](https://x.y/a.png "t") B', 'A [image] B'],
    ['A ![look [here]\nnow](https://x.y/(1).png) B ![](<a b>)', 'A [image] B [image]'],
    ['![c][ref] ![Ref]\n\n[ref]: https://x.y', '[image] [image]\n\n[ref]: https://x.y'],
    ['Seen\n[//]: # (a comment)\nToo', 'Seen\n\nToo'],
    ['in\u200bvi\u{e0041}si\u202eble\ufeff', 'invisible'],
    ['one\r\ntwo\u0007', 'one\ntwo'],
    ['a < b and c > d, <https://x.y>', 'a < b and c > d, <https://x.y>'],
    ['<img alt="a > b" src="x">Seen', 'Seen'],
  ])('%j reads %j', (source, expected) => {
    expect(body(source).body).toBe(expected);
  });

  test.each([
    '![seen](it pays Bob, as everybody can read) too',
    '![it pays Bob][nowhere]',
    'Text\n[x]: https://x.y no definition within a paragraph ![it pays Bob][x]',
  ])('%j is no image, and stays', (source) => {
    expect(body(source).body).toBe(source);
  });

  test.each(['<note it also pays Bob>', '</b and it pays Bob>', 'when x <y and the sum that z gets is w> 3'])(
    '%j: what a page may show and the model does not read is reported',
    (source) => {
      expect(body(source).removed.hidden.join(' ')).toMatch(/it (?:also )?pays Bob|and the sum that z gets is w/);
    },
  );

  test('an ordinary tag hides nothing', () => {
    const source =
      '<img src="a.png" alt="a long text that is not shown" width=40 hidden/><a href=https://x.y/?a=b&c>x</a >';
    expect(body(source).removed.hidden.filter((text) => text.trim() !== 'hidden')).toEqual([]);
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

  test.each([
    '<a ',
    '<!--',
    '![',
    '<a "\'',
    '<div hidden>',
    '<<b>b>',
    '[x]: # ',
    '![a](',
    '![a](b "',
    '![[a]',
    '<p ////a',
    '<p a=',
  ])('a long text of nothing but %j is no trouble', (unit) => {
    expect(body(unit.repeat(5_000)).fullBody.length).toBeLessThanOrEqual(unit.length * 5_000);
  });
});

describe('cutting', () => {
  test('keeps head and tail and says how much is missing', () => {
    const text = `HEAD ${'x'.repeat(5_000)} TAIL`;
    const { text: shorter, left } = cut(text, 500);
    expect(shorter).toMatch(/^HEAD /);
    expect(shorter).toMatch(/ TAIL$/);
    expect(shorter).toContain(`${left} characters of the proposal are left out`);
    expect(countTokens(shorter)).toBeLessThanOrEqual(500);
    expect(left).toBeGreaterThan(3_000);
    expect(left).toBeLessThan(text.length - 400);
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
