/** That it answers and fails as the platform's own fetch does, against a real server. */
import { createServer, type ServerResponse } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { playBack } from '../test/play-back.ts';
import { PATIENT } from '../../../test/patience.ts';
import { isTimeout, wasNeverSent } from './http-answer.ts';
import { lightFetch as upTo } from './light-fetch.ts';

const lightFetch = upTo(1_000_000);
const TEXT = 'a list of proposals, in ten languages: 提案 '.repeat(50);

const ANSWERS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/json': (response) => response.setHeader('content-type', 'application/json').end('{"data":1}'),
  '/gone': (response) => response.writeHead(404, { 'retry-after': '7' }).end('gone'),
  '/ill': (response) => response.writeHead(503).end('<html>ill</html>'),
  '/nothing': (response) => response.writeHead(204).end(),
  '/elsewhere': (response) => response.writeHead(302, { location: '/json' }).end('over there'),
  '/gzip': (response) => response.setHeader('content-encoding', 'gzip').end(gzipSync(TEXT)),
  '/deflate': (response) => response.setHeader('content-encoding', 'deflate').end(deflateSync(TEXT)),
  '/br': (response) => response.setHeader('content-encoding', 'br').end(brotliCompressSync(TEXT)),
  '/cookies': (response) => response.setHeader('set-cookie', ['a=1', 'b=2']).end('two'),
};

async function serve() {
  let connections = 0;
  const server = createServer((request, response) => {
    const answer = ANSWERS[request.url ?? ''];
    if (answer !== undefined) return answer(response);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () =>
      response.end(JSON.stringify({ ...request.headers, body: Buffer.concat(chunks).toString('utf8') })),
    );
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = z.object({ port: z.number() }).parse(server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a light fetch', () => {
  it.for(Object.keys(ANSWERS))('answers as the platform does: %s', async (path) => {
    await using server = await serve();
    const said = async (response: Response) => ({
      status: response.status,
      ok: response.ok,
      headers: [...response.headers].filter(([name]) => name !== 'date'),
      text: await response.text(),
    });
    const init = { redirect: 'manual' } as const;
    expect(await said(await lightFetch(`${server.url}${path}`, init))).toEqual(
      await said(await fetch(`${server.url}${path}`, init)),
    );
  });

  it('sends method, headers and body, and keeps its connection', async () => {
    await using server = await serve();
    for (let time = 0; time < 3; time += 1) {
      const response = await lightFetch(new URL(`${server.url}/echo`), {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'x-api-key': 'k' },
        body: '{"q":"提案"}',
      });
      expect(await response.json()).toMatchObject({
        'content-type': 'application/json',
        'content-length': '14',
        'x-api-key': 'k',
        'user-agent': 'node',
        body: '{"q":"提案"}',
      });
    }
    expect(server.connections()).toBe(1);
  });

  it('takes no redirect for an answer where one is an error', async () => {
    await using server = await serve();
    await expect(lightFetch(`${server.url}/elsewhere`, { redirect: 'error' })).rejects.toThrow(TypeError);
  });

  it.for(['cut', 'cut in the body'] as const)('says of a line that is %s that the network failed', async (reply) => {
    await using server = await playBack(() => reply);
    const error: unknown = await lightFetch(server.url, { method: 'POST', body: '{}' }).catch(
      (thrown: unknown) => thrown,
    );
    expect.assert(error instanceof TypeError && error.cause instanceof Error);
    expect(wasNeverSent(error)).toBe(false);
  });

  it('says of a server that is not there that nothing was sent', async () => {
    const server = await playBack(() => 'silence');
    await server[Symbol.asyncDispose]();
    const error: unknown = await lightFetch(server.url).catch((thrown: unknown) => thrown);
    expect.assert(error instanceof TypeError);
    expect(wasNeverSent(error)).toBe(true);
  });

  it('ends with the reason of its signal, before and while it waits', async () => {
    await using server = await playBack(() => 'silence');
    const why = new Error('the run was cancelled');
    await expect(lightFetch(server.url, { signal: AbortSignal.abort(why) })).rejects.toBe(why);
    expect(server.received).toHaveLength(0);
    const late: unknown = await lightFetch(server.url, { signal: AbortSignal.timeout(50) }).catch(
      (thrown: unknown) => thrown,
    );
    expect(isTimeout(late)).toBe(true);
  });
});

describe('an answer that is larger than its reader takes', () => {
  const MAX = 100_000;
  const bounded = upTo(MAX);
  const tooLarge = {
    name: 'TypeError',
    cause: { code: 'ANSWER_TOO_LARGE', message: expect.stringContaining('100000') },
  };

  it('is taken to its last byte, and refused with one more', async () => {
    await using server = await playBack((_request, nth) => ({ status: 200, body: 'x'.repeat(MAX + nth - 1) }));
    expect((await (await bounded(server.url)).text()).length).toBe(MAX);
    await expect(bounded(server.url)).rejects.toMatchObject(tooLarge);
  });

  it('is refused and ends nothing else where it has come whole, with one piece', async () => {
    await using server = await playBack((_request, nth) => ({ status: 200, body: 'x'.repeat(9 + nth) }));
    const few = upTo(10);
    expect(await (await few(server.url)).text()).toBe('x'.repeat(10));
    for (let time = 0; time < 2; time += 1) {
      await expect(few(server.url)).rejects.toMatchObject({ cause: { code: 'ANSWER_TOO_LARGE' } });
    }
  });

  it('is left where it does not end, and its connection closed', async () => {
    await using server = await playBack(() => 'no end');
    await expect(bounded(server.url)).rejects.toMatchObject(tooLarge);
    await expect.poll(() => server.left(), PATIENT).toBe(1);
  });

  it('is left where its length lies', async () => {
    const headers = { 'content-length': String(2 ** 40) };
    await using server = await playBack(() => ({ status: 500, headers, body: 'x'.repeat(MAX + 1) }));
    await expect(bounded(server.url)).rejects.toMatchObject(tooLarge);
  });

  it.for([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('is no larger once it is opened: %s', async ([encoding, pack]) => {
    const headers = { 'content-encoding': encoding };
    await using server = await playBack((_request, nth) => ({
      status: 200,
      headers,
      body: pack(Buffer.alloc(MAX + nth - 1)),
    }));
    expect((await (await bounded(server.url)).arrayBuffer()).byteLength).toBe(MAX);
    await expect(bounded(server.url)).rejects.toMatchObject(tooLarge);
  });
});
