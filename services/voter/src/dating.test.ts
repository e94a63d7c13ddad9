import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { OLDEST_S, voteTimestamp } from './dating.ts';

const DAY_S = 86_400;
const START = 1_795_000_000;

describe('a first vote', () => {
  test('is dated a day back', () => {
    expect(voteTimestamp(START, START + 3 * DAY_S + 0.9, { backdateS: DAY_S, replaces: null, voided: null })).toBe(
      START + 2 * DAY_S,
    );
  });
  test('is dated right after the opening on a young proposal', () => {
    expect(voteTimestamp(START, START + 60, { backdateS: DAY_S, replaces: null, voided: null })).toBe(START + 1);
  });
});

// As the pre-flight lets it through: the window is open, so now is past the start.
const openFor = fc.double({ min: 0.001, max: 30 * DAY_S, noNaN: true });
const backdateS = fc.integer({ min: 0, max: 5 * DAY_S });

test.prop([openFor, backdateS])(
  'lies after the start and not in the future, at most the set time back',
  (open, back) => {
    const now = START + open;
    const dated = voteTimestamp(START, now, { backdateS: back, replaces: null, voided: null });
    expect(dated).toBeGreaterThan(START);
    expect(dated).toBeLessThanOrEqual(now + 1);
    expect(dated).toBeGreaterThanOrEqual(Math.floor(now) - back);
    expect(Number.isInteger(dated)).toBe(true);
  },
);

test.prop([openFor, backdateS, fc.double({ min: 0, max: 1, noNaN: true })])(
  'after a voided intent lies later than that one, so that its late bytes lose, and still not in the future',
  (open, back, part) => {
    const now = START + open;
    const after = voteTimestamp(START, START + open * part + 0.001, { backdateS: back, replaces: null, voided: null });
    const dated = voteTimestamp(START, now, { backdateS: back, replaces: null, voided: after });
    expect(dated).toBeGreaterThan(after);
    expect(dated).toBeLessThanOrEqual(Math.max(now + 1, after + 1));
  },
);

test.prop([openFor, fc.integer({ min: 1, max: 5 * DAY_S }), fc.nat({ max: DAY_S })])(
  'loses to whatever the owner makes by hand at any time from now on',
  (open, back, later) => {
    const now = START + 2 + open;
    const owner = Math.floor(now) + later;
    expect(voteTimestamp(START, now, { backdateS: back, replaces: null, voided: null })).toBeLessThan(owner);
  },
);

describe('a revision', () => {
  test('is dated a second after the vote that it replaces', () => {
    const replaces = START + 5;
    const dated = voteTimestamp(START, START + 3 * DAY_S, { backdateS: DAY_S, replaces, voided: null });
    expect(dated).toBe(replaces + 1);
  });

  test('of a vote of long ago can be tried again in the same bytes for an hour', () => {
    const [now, replaces] = [START + 20 * DAY_S, START + DAY_S];
    const dated = voteTimestamp(START, now, { backdateS: DAY_S, replaces, voided: null });
    expect(dated).toBeGreaterThanOrEqual(now + 3_600 - OLDEST_S);
    expect(dated).toBeLessThan(now - 5 * DAY_S);
  });

  test.prop([openFor, fc.double({ min: 0, max: 1, noNaN: true }), fc.option(fc.nat({ max: DAY_S }))])(
    'beats the vote that it replaces and loses to whatever the owner makes by hand from now on',
    (open, part, sinceVoided) => {
      const now = START + 10 + open;
      const replaces = START + 1 + Math.floor((open - 0.001) * part);
      const voided = sinceVoided === null ? null : Math.min(replaces + 1 + sinceVoided, Math.floor(now) - 2);
      const dated = voteTimestamp(START, now, { backdateS: DAY_S, replaces, voided });
      expect(dated).toBeGreaterThan(replaces);
      if (voided !== null) expect(dated).toBeGreaterThan(voided);
      expect(dated).toBeGreaterThanOrEqual(Math.floor(now) - OLDEST_S);
      expect(dated).toBeLessThan(now);
    },
  );
});
