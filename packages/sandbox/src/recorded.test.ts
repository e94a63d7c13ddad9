/** Replays the cases recorded on the real sequencer: same status, same headers, same body, but for what cannot repeat. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { call } from '../test/client.ts';
import { RECORDED_CASES, serverOf, type RecordedCase } from '../test/recorded-cases.ts';
import { EXCEPTIONS } from '../test/recorded-exceptions.ts';
import { SETUPS, type Setup } from '../test/recorded-setups.ts';
import { RECORDED_AT, recordedWorld } from '../test/recorded-world.ts';
import { bodyOf, comparable } from '../test/unrepeatable.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';

const cases = RECORDED_CASES.filter((one) => serverOf(one) === 'sequencer' && !(one.case in EXCEPTIONS));

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

describe('recorded cases', () => {
  test.each(cases)('$case', async (recorded) => {
    await setUp(SETUPS[recorded.case] ?? {});
    const wanted = String(recorded.response.status).split(',');
    const answers = await Promise.all(wanted.map(() => send(recorded)));
    expect(answers.map(({ status }) => String(status)).toSorted()).toEqual(wanted.toSorted());
    for (const answer of answers) {
      expect(Object.fromEntries(answer.headers)).toMatchObject(recorded.response.headers);
    }
    const { body } = recorded.response;
    const bodies = wanted.length === 1 ? [body] : z.array(z.unknown()).parse(body);
    const said = answers.map(({ text, headers }) => bodyOf(text, headers.get('content-type')));
    const compared = (all: readonly unknown[]) =>
      all.map((one) => comparable(one, recorded, sandbox.url)).toSorted(byText);
    expect(compared(said)).toEqual(compared(bodies));
  });
});

async function setUp({ now, world, proposals, faults, before }: Setup): Promise<void> {
  const base = recordedWorld();
  const all = [...(base.proposals ?? []), ...(proposals ?? [])];
  const put = { ...base, proposals: all, now: now ?? RECORDED_AT, ...world };
  expect((await call('PUT', `${sandbox.url}/_sandbox/world`, put)).status).toBe(200);
  await call('DELETE', `${sandbox.url}/_sandbox/faults`);
  for (const fault of faults ?? []) await call('POST', `${sandbox.url}/_sandbox/faults`, fault);
  for (const name of before ?? []) {
    const earlier = RECORDED_CASES.find((one) => one.case === name);
    if (!earlier) throw new Error(`there is no case ${name}`);
    await send(earlier);
  }
}

async function send({ request }: RecordedCase) {
  const recorded = new URL(request.url);
  const text = bodyText(request.body);
  const answer = await fetch(`${sandbox.url}${recorded.pathname}${recorded.search}`, {
    method: request.method,
    headers: request.headers ?? { 'content-type': 'application/json' },
    ...(text === null ? {} : { body: text }),
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

/** A body that was too large to keep is made anew, in its size. */
const LeftOut = z.object({ truncated_for_storage: z.literal(true), bytes: z.int() });

function bodyText(body: unknown): string | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string') return body;
  const leftOut = LeftOut.safeParse(body);
  return leftOut.success ? JSON.stringify('a'.repeat(leftOut.data.bytes - 2)) : JSON.stringify(body);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
