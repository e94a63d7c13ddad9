import { describe, expect, it } from 'vitest';
import { recordedRefusals } from '../test/recorded.ts';
import { classifyRefusal, type Classified, SnapshotError } from './errors.ts';
import { refusalText, retryAfterS } from './http-answer.ts';
import { printable } from './printable.ts';

/** What each recorded refusal means for us; a case that is in no list must be a final `rejected`. */
const MEANING: Record<string, Classified> = {
  'alias-vote-expired-31-days': { kind: 'final', code: 'wrong_alias' },
  'alias-vote-without-alias': { kind: 'final', code: 'wrong_alias' },
  'finalize-vote-backdated-after-end': { kind: 'final', code: 'not_in_window' },
  'finalize-vote-just-after-end': { kind: 'final', code: 'not_in_window' },
  'vote-after-end': { kind: 'final', code: 'not_in_window' },
  'vote-after-end-backdated': { kind: 'final', code: 'not_in_window' },
  'vote-timestamp-before-start': { kind: 'final', code: 'not_in_window' },
  'vote-timestamp-future-310s': { kind: 'final', code: 'wrong_timestamp' },
  'vote-timestamp-past-6d-10s': { kind: 'final', code: 'wrong_timestamp' },
  'no-voting-power': { kind: 'final', code: 'no_voting_power' },
  'validation-denied': { kind: 'final', code: 'validation' },
  'vote-bad-signature-empty-0x': { kind: 'final', code: 'signature' },
  'vote-bad-signature-garbage': { kind: 'final', code: 'signature' },
  'vote-bad-signature-tampered-choice': { kind: 'final', code: 'signature' },
  'vote-signature-array-of-one': { kind: 'final', code: 'signature' },
  'vote-change-3-earlier-timestamp': { kind: 'final', code: 'already_voted' },
  'validation-failure': { kind: 'retry', code: 'check_failed' },
  'voting-power-failure': { kind: 'retry', code: 'check_failed' },
  'pinning-failure': { kind: 'retry', code: 'pinning_failed' },
  'ratelimit-sequencer-get-429': { kind: 'retry', code: 'rate_limited' },
  'maintenance-same-body-again': { kind: 'read_back', code: 'in_flight' },
  'vote-eip1271-signature-over-3000-chars': { kind: 'read_back', code: 'unavailable' },
  'vote-eip1271-signature-over-3000-chars-retry': { kind: 'read_back', code: 'already_voted' },
};

function meaningOf(name: string, words: string): Classified {
  if (words === 'invalid choice') return { kind: 'final', code: 'invalid_choice' };
  return MEANING[name] ?? { kind: 'final', code: 'rejected' };
}

const textOf = (body: unknown): string => refusalText(typeof body === 'string' ? body : JSON.stringify(body));

describe('a refusal by the sequencer', () => {
  it.for(recordedRefusals())('$case ($status) is classified', ({ case: name, status, body }) => {
    const words = textOf(body);
    expect(classifyRefusal(status, words)).toEqual(meaningOf(name, words));
  });

  it('was recorded for every meaning that the table above gives', () => {
    const names = new Set(recordedRefusals().map(({ case: name }) => name));
    expect(Object.keys(MEANING).filter((name) => !names.has(name))).toEqual([]);
  });

  it('in maintenance has stored nothing, while any other 5xx may have', () => {
    expect(classifyRefusal(503, 'update in progress, try later')).toEqual({ kind: 'retry', code: 'maintenance' });
    for (const status of [500, 502, 503, 504, 520]) {
      expect(classifyRefusal(status, 'no voting power')).toEqual({ kind: 'read_back', code: 'unavailable' });
    }
  });

  it('for a duplicate asks to read back', () => {
    expect(classifyRefusal(400, 'duplicate message')).toEqual({ kind: 'read_back', code: 'duplicate' });
  });

  it('in words that only resemble known ones, or that name a property of objects, is final', () => {
    for (const words of ['NO VOTING POWER', 'constructor', '__proto__', '']) {
      expect(classifyRefusal(400, words)).toEqual({ kind: 'final', code: 'rejected' });
    }
  });
});

describe("a server's words", () => {
  it('are text even where the description is an object', () => {
    expect(textOf({ error: 'server_error', error_description: { cause: { code: 'ER_X' } } })).toBe(
      '{"cause":{"code":"ER_X"}}',
    );
  });

  it('are the words of a page where it is HTML', () => {
    expect(textOf('<html><head><style>p{}</style></head><body><h1>502</h1> Bad <b>Gateway</b></body></html>')).toMatch(
      /^502\s+Bad\s+Gateway$/,
    );
  });

  it('come without control characters, on one line, and short', () => {
    const { description, message } = new SnapshotError({
      kind: 'rejected',
      upstream: 'hub',
      status: 400,
      description: `\u001b[2J bad\r\nline\u202e ${'x'.repeat(1_000)}`,
    });
    expect(description).toMatch(/^\[2J bad line x+…$/);
    expect(description.length).toBe(300);
    expect(message).toBe(`hub rejected (HTTP 400): ${description}`);
  });

  it('are never cut through the middle of a character', () => {
    expect(printable('ab🟢cd', 4)).toBe('ab…');
    expect(printable('ab🟢', 4)).toBe('ab🟢');
  });
});

describe('Retry-After', () => {
  const nowMs = Date.parse('2026-11-22T10:00:00Z');
  it.for([
    ['60', 60],
    ['0', 0],
    ['Sun, 22 Nov 2026 10:01:30 GMT', 90],
    ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
    ['soon', undefined],
    ['', undefined],
  ] as const)('%j is %s seconds', ([value, seconds]) => {
    expect(retryAfterS(new Headers({ 'retry-after': value }), nowMs)).toBe(seconds);
  });

  it('may be absent', () => {
    expect(retryAfterS(new Headers(), nowMs)).toBeUndefined();
  });
});
