import path from 'node:path';
import { faultOfLine, LOG_EVENTS } from '@quorum/shared/log-events';
import { SECURITY_EVENTS } from '@quorum/shared/security-events';
import { describe, expect, test } from 'vitest';
import { SERVICES } from '../scripts/services.ts';
import { callsIn, logCalls } from './log-calls.ts';

const ROOT = path.join(import.meta.dirname, '..');
const FOLDERS = ['packages/shared/src', ...SERVICES.map((service) => `services/${service}/src`)];
/** Written at a level that is found out, or by one place for many. */
const ELSEWHERE = [
  'request answered',
  'request not answered',
  ...Object.values(SECURITY_EVENTS).map(({ message }) => message),
];

describe('the catalogue of log events', () => {
  test('has every message that a source writes, and each is a constant', async () => {
    const calls = await logCalls(ROOT, FOLDERS);
    expect(calls.length).toBeGreaterThan(80);
    const remedy = 'an entry in packages/shared/src/log-events.ts for each';
    expect(
      calls.filter(({ message }) => message === null || !LOG_EVENTS.has(message)),
      remedy,
    ).toEqual([]);
  });

  test('has no message that nobody writes', async () => {
    const written = new Set([...(await logCalls(ROOT, FOLDERS)).map(({ message }) => message), ...ELSEWHERE]);
    expect([...LOG_EVENTS.keys()].filter((message) => !written.has(message))).toEqual([]);
  });

  test.each([
    ["log.info({ n: 1 }, 'one');", 'one'],
    ["scoped.warn(\n  { a: f(x, 'no'), b: ['no'] },\n  'two: it’s',\n);", 'two: it’s'],
    ["request.log.error('three');", 'three'],
    ['log.error({ err }, message);', null],
    ['log.error({ err }, `four ${n}`);', null],
    ["log.error({ err: 'x' });", null],
  ])('finds in %j the message %j', (source, message) => {
    expect(callsIn('x.ts', source).map((call) => call.message)).toEqual([message]);
  });
});

describe('a line', () => {
  const line = (fields: object): string =>
    JSON.stringify({ level: 'info', time: '2026-11-26T22:00:00.000Z', service: 'voter', ...fields });

  test.each([
    [{ msg: 'vote executed', vote_id: '0x1', ballot: 'For', run_id: 'r', owner: 'ada' }, null],
    [{ msg: 'service stopped' }, null],
    [{ msg: 'vote executed', vote_id: '0x1' }, /ballot/],
    [{ msg: 'vote executed', vote_id: '0x1', ballot: 'For', reason: 'private' }, /reason/],
    [{ msg: 'made up' }, /no event/],
    [{ msg: 'agent start', dry_run: true, request_id: 'not one' }, /request_id/],
    [{ msg: 'security: the guard refused to sign', event: 'made_up' }, /event/],
  ])('%j: %s', (fields, fault) => {
    if (fault === null) expect(faultOfLine(line(fields))).toBeNull();
    else expect(faultOfLine(line(fields))).toMatch(fault);
  });

  test('that is no JSON is none', () => expect(faultOfLine('Error: x')).toBe('it is no JSON'));
});
