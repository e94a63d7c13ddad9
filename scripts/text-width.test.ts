import { describe, expect, test } from 'vitest';
import { cut, pad, textWidth, wrap } from './text-width.ts';

describe('text in columns', () => {
  test.each([
    ['Fund it', 7],
    ['港の理事会', 10],
    ['e\u0301tude', 5],
    ['👩‍👩‍👧 family', 9],
    ['❤️', 2],
    ['한국어', 6],
    ['a\u200bb', 2],
    ['✓ cast', 6],
    ['', 0],
  ])('%j takes %i columns', (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  test('what is cut ends in an ellipsis and never exceeds the width, even where a wide character is on the edge', () => {
    expect(cut('港の理事会', 6)).toBe('港の…');
    expect(cut('Fund it', 7)).toBe('Fund it');
    expect(cut('Fund the audit', 6)).toBe('Fund…');
  });

  test('wraps between words, breaks a word that is too long, and cuts the last line', () => {
    expect(wrap('the stakes are high and so on', 12, 3)).toEqual(['the stakes', 'are high and', 'so on']);
    expect(wrap('0123456789abcdef', 6, 2)).toEqual(['012345', '6789a…']);
    expect(wrap('', 6, 2)).toEqual(['']);
  });

  test('pads by columns and not by characters', () => {
    expect(pad('港', 4)).toBe('港  ');
    expect(pad('87 %', 6, 'left')).toBe('  87 %');
  });
});
