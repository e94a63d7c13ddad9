/** In which forms a question may reach the hub, and in which the answer comes back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox();
});
afterAll(() => sandbox.close());

const NETWORKS = '{ networks { id } }';

async function said(path: string, init: RequestInit): Promise<{ status: number; type: string; text: string }> {
  const response = await fetch(`${sandbox.url}${path}`, init);
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text: await response.text() };
}

test('a form is read as JSON is', async () => {
  const answer = await said('/graphql', { method: 'POST', body: new URLSearchParams({ query: NETWORKS }) });
  expect(answer).toMatchObject({ status: 200, text: expect.stringContaining('"networks"') });
});

test('a browser gets a page, without a question too; `raw` gets JSON', async () => {
  const headers = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
  expect(await said('/graphql', { headers })).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
  const wrong = `/graphql?query=${encodeURIComponent('{ nope }')}`;
  expect(await said(wrong, { headers })).toMatchObject({ status: 400, type: 'text/html; charset=utf-8' });
  const raw = await said(`${wrong}&raw`, { headers });
  expect(raw).toMatchObject({ status: 400, type: 'application/json; charset=utf-8' });
});

test.each(['null', '5', '"a text"', 'nope'])('a bare value is no body: %s', async (body) => {
  for (const path of ['/', '/graphql']) {
    const answer = await said(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    expect(answer).toMatchObject({ status: 400, type: 'text/html; charset=utf-8' });
    expect(answer.text).toContain(
      `SyntaxError: Unexpected token ${body.startsWith('"') ? '' : `&#39;${body[0]}&#39;`}`,
    );
  }
});

test('HEAD asks the sequencer who it is', async () => {
  expect(await said('/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
});
