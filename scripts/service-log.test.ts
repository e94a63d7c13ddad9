import { describe, expect, test } from 'vitest';
import { logFormatter } from './service-log.ts';

const quiet = logFormatter('voter', 0, { colour: false, verbose: false });
const verbose = logFormatter('voter', 0, { colour: false, verbose: true });
const line = (level: string, fields: object = {}): string =>
  JSON.stringify({ level, time: '2026-01-01T00:00:00Z', service: 'voter', msg: 'vote sent', ...fields });

describe("a service's log in the terminal", () => {
  test('warnings and worse are shown with the name of the service and their fields, the rest only if asked for', () => {
    expect(quiet(line('warn', { attempt: 2 }))).toBe('voter    │ vote sent attempt=2');
    expect(quiet(line('info'))).toBeUndefined();
    expect(verbose(line('info'))).toBe('voter    │ vote sent');
  });

  test('of an error only its words are shown', () => {
    const err = { type: 'QuorumError', message: 'The key file is empty.', stack: 'QuorumError: …\n    at main' };
    expect(quiet(line('error', { err }))).toBe('voter    │ vote sent err=The key file is empty.');
  });

  test('what Node prints of a crash is shown as it is', () => {
    expect(quiet('SyntaxError: Unexpected token')).toBe('voter    │ SyntaxError: Unexpected token');
    expect(quiet('{ code: 1 }')).toBe('voter    │ { code: 1 }');
    expect(quiet('')).toBeUndefined();
  });

  test('a line for machines is not shown', () => {
    expect(quiet('{"url":"http://127.0.0.1:4010"}')).toBeUndefined();
  });

  test('text from outside cannot write to the terminal', () => {
    expect(quiet(line('error', { title: '\u001b[2J\u202eevil' }))).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});
