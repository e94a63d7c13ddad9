/** Replays what was recorded on the real hub, in the world of the recording: same status, same body, same headers that matter. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../../test/client.ts';
import { RECORDED_CASES, serverOf } from '../../test/recorded-cases.ts';
import { EXCEPTIONS } from '../../test/recorded-exceptions.ts';
import { recordedHubWorld } from '../../test/recorded-hub-world.ts';
import { setUpFor } from '../../test/recorded-hub-setups.ts';
import { bodyOf, comparable } from '../../test/unrepeatable.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

const common = recordedHubWorld();
const cases = RECORDED_CASES.filter((one) => serverOf(one) === 'hub' && !(one.case in EXCEPTIONS));

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe('recorded cases of the hub', () => {
  test.each(cases)('$case', async (recorded) => {
    const { request, response } = recorded;
    const { world, before = [] } = setUpFor(recorded, common);
    const put = await call('PUT', `${sandbox.url}/_sandbox/world`, world);
    expect(put).toMatchObject({ status: 200 });
    for (const one of before) await fetch(`${sandbox.url}${one.path}`, { ...one.init });

    const { pathname, search } = new URL(request.url);
    const { body } = request;
    const answer = await fetch(`${sandbox.url}${pathname}${search}`, {
      method: request.method,
      redirect: 'manual',
      headers: request.headers ?? { 'content-type': 'application/json' },
      ...(body === undefined || body === null ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    expect([answer.status, text === '' ? '' : answer.headers.get('content-type')], text).toEqual([
      response.status,
      text === '' ? '' : response.headers['content-type'],
    ]);
    for (const name of MATTERING) expect(answer.headers.get(name), name).toBe(response.headers[name] ?? null);
    expectCountingDown(answer.headers.get(RESET), response.headers[RESET] ?? null);

    const said = bodyOf(text, answer.headers.get('content-type'));
    expect(comparable(said, recorded, sandbox.url)).toEqual(comparable(response.body, recorded, sandbox.url));
  });
});

/** The seconds until the limit is reset: they pass here as they did there, and on a busy machine some more. */
const RESET = 'ratelimit-reset';
const PASSED_S = 20;

function expectCountingDown(here: string | null, there: string | null): void {
  if (there === null) return expect(here).toBeNull();
  expect(Number(here)).toBeLessThanOrEqual(Number(there));
  expect(Number(here)).toBeGreaterThan(Number(there) - PASSED_S);
}

const MATTERING = [
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-max-age',
  'ratelimit-limit',
  'ratelimit-remaining',
  'retry-after',
  'x-api-key-limit',
  'x-api-key-remaining',
  'x-api-key-reset',
];
