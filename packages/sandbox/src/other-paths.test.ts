/** What is neither GraphQL nor a vote: what hub and sequencer still serve, what is gone, and where the rest is sent. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../test/client.ts';
import { NOW, SPACE, smallWorld } from '../test/small-world.ts';
import { startSandbox, type Sandbox } from './start-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ world: smallWorld() });
});
afterAll(() => sandbox.close());

test("a space's settings", async () => {
  const said = await call('GET', `${sandbox.url}/api/spaces/${SPACE}`);
  expect(said).toMatchObject({ status: 200, body: { name: 'Small' } });
});

test('messages signed the old way are gone', async () => {
  expect(await call('POST', `${sandbox.url}/api/message`, {})).toMatchObject({
    status: 410,
    body: { error: 'unauthorized', error_description: 'personal sign is not supported anymore' },
  });
});

test.each([
  ['POST', '/api/msg', 307, ''],
  ['GET', `/api/scores/0x01`, 307, '/scores/0x01'],
  ['GET', `/api/spaces/${SPACE}/poke`, 307, `/spaces/${SPACE}/poke`],
])('%s %s is sent on to the sequencer', async (method, path, status, target) => {
  const sent = await fetch(`${sandbox.url}${path}`, { method, redirect: 'manual' });
  expect([sent.status, sent.headers.get('location')]).toEqual([status, `${sandbox.url}${target}`]);
});

test.each(['/api/nothing', '/api/msg', '/api/spaces'])(
  'whoever reads %s is sent to the name of the hub',
  async (path) => {
    const sent = await fetch(`${sandbox.url}${path}`, { redirect: 'manual' });
    expect([sent.status, sent.headers.get('location'), await sent.text()]).toEqual([
      302,
      '/api',
      'Found. Redirecting to /api',
    ]);
  },
);

test.each([
  ['POST', '/api/nothing'],
  ['GET', '/nothing'],
  ['PUT', '/'],
])('%s %s is nowhere: a page, which any site may read, and which counts', async (method, path) => {
  const limits = { hub_per_minute: 10, sequencer_per_minute: 10 };
  await call('PUT', `${sandbox.url}/_sandbox/world`, { ...smallWorld(), limits });
  const answer = await fetch(`${sandbox.url}${path}`, { method });
  expect(answer.status).toBe(404);
  expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(answer.headers.get('access-control-allow-origin')).toBe('*');
  expect(answer.headers.get('ratelimit-remaining')).toBe('9');
  expect(await answer.text()).toContain(`<pre>Cannot ${method} ${path}</pre>`);
});

test('only what is open or closed can be counted', async () => {
  const { proposals } = smallWorld();
  const [late, ...others] = proposals;
  const pending = { ...late, id: '0xf1', title: 'Later', choices: ['a'], start: NOW, end: NOW + 9 };
  await call('PUT', `${sandbox.url}/_sandbox/world`, { ...smallWorld(), proposals: [...others, pending] });
  const asked = [others[0]?.id, '0xf1', '0xff'].map((id) => call('GET', `${sandbox.url}/scores/${id}`));
  expect((await Promise.all(asked)).map(({ body }) => body)).toEqual(
    [true, false, false].map((result) => ({ result })),
  );
});

test('a browser may ask any path first', async () => {
  const answer = await fetch(`${sandbox.url}/nothing`, { method: 'OPTIONS' });
  expect([answer.status, answer.headers.get('access-control-max-age')]).toEqual([204, '86400']);
});
