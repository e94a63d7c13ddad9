import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findEngine } from './container-engine.ts';

describe('looking for a container engine', () => {
  let dir: string;
  const open: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'quorum-engine-'));
  });
  afterEach(async () => {
    for (const close of open.splice(0)) await close();
    await rm(dir, { recursive: true });
  });

  /** Something that listens where an engine would. */
  async function listening(answer: RequestListener): Promise<string> {
    const server = createServer(answer);
    server.listen(path.join(dir, 'docker.sock'));
    await once(server, 'listening');
    open.push(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    });
    return `unix://${path.join(dir, 'docker.sock')}`;
  }

  test('finds one that answers, by DOCKER_HOST or by its socket', async () => {
    const host = await listening((request, response) => {
      response.statusCode = request.url === '/_ping' ? 200 : 404;
      response.end('OK');
    });
    expect(await findEngine({ DOCKER_HOST: host })).toEqual({ kind: 'found', host });
  });

  test('says that nobody listens', async () => {
    const engine = await findEngine({ DOCKER_HOST: `unix://${path.join(dir, 'gone.sock')}` });
    expect(engine).toEqual({ kind: 'none', why: expect.stringContaining('gone.sock') });
  });

  test('does not wait for one that never answers', async () => {
    const host = await listening(() => undefined);
    expect(await findEngine({ DOCKER_HOST: host })).toEqual({
      kind: 'none',
      why: expect.stringContaining('no answer'),
    });
  });

  test('takes no answer but 200', async () => {
    const host = await listening((_request, response) => {
      response.statusCode = 500;
      response.end();
    });
    expect(await findEngine({ DOCKER_HOST: host })).toEqual({ kind: 'none', why: expect.stringContaining('500') });
  });

  test.each(['ssh://someone@example.org', 'tcp://192.0.2.1:2375', 'nonsense'])('does not use %s', async (host) => {
    expect(await findEngine({ DOCKER_HOST: host })).toMatchObject({ kind: 'none' });
  });
});
