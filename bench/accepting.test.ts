/** That every side of `accepting` do what they are held to have done; never how fast. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { measureAccepting } from './accepting.ts';
import { openLine, postOf } from './accepting/line.ts';
import { cpuMsOf } from './accepting/server-process.ts';
import { startStand, type Side, type Stand } from './accepting/stand.ts';

const Accepted = z.object({ run_id: z.string() });
const BUSY_MACHINE_MS = 120_000;

describe('what is measured', () => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await startStand(2);
  }, BUSY_MACHINE_MS);
  afterAll(() => stand.stop(), BUSY_MACHINE_MS);

  /** The job that a request added, as it is in Redis, but for what differs from one job to the next. */
  async function jobAddedBy({ server, redis }: Side): Promise<unknown> {
    const line = await openLine(server.url);
    const authorization = `Bearer ${stand.apiKeys[0]}`;
    const { status, body } = await line.ask(postOf('/agent-run', { space_id: 'a.eth' }, { authorization }));
    line.close();
    expect(status).toBe(202);
    const id = Accepted.parse(JSON.parse(body)).run_id;
    const { timestamp: _at, ...job } = await redis.hgetall(`${BULL_PREFIX}:agent-run:${id}`);
    return JSON.parse(JSON.stringify(job).replaceAll(id, 'ID'));
  }

  it('adds the same job on every side', async () => {
    const ours = await jobAddedBy(stand.ours);
    expect(ours).toMatchObject({ name: 'agent-run' });
    expect(await jobAddedBy(stand.bare)).toEqual(ours);
    expect(await jobAddedBy(stand.recording)).toEqual(ours);
  });

  it('has each side write what it was told to the disk at once', async () => {
    for (const { redis } of [stand.ours, stand.bare, stand.recording]) {
      expect(await redis.config('GET', 'appendfsync')).toEqual(['appendfsync', 'always']);
      expect(await redis.config('GET', 'appendonly')).toEqual(['appendonly', 'yes']);
    }
  });

  it('knows what CPU a server has had', async () => {
    expect(await cpuMsOf(stand.ours.server.pid)).toBeGreaterThan(0);
  });
});

describe('the measurement', () => {
  it('asks every side in each turn, and nothing of it fails', { timeout: BUSY_MACHINE_MS }, async () => {
    const options = { owners: 3, connections: 2, warmUpTurns: 1, turns: 2, turnMs: 200 };
    const turns = await measureAccepting(options);
    expect(turns.length).toBe(2);
    for (const { perS, redisMs } of turns.flatMap((turn) => Object.values(turn))) {
      expect(perS).toBeGreaterThan(0);
      expect(redisMs).toBeGreaterThan(0);
    }
  });
});

describe('the client', () => {
  it('puts an answer together however it is cut, and rejects where there is none', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/cut') return response.destroy();
      response.writeHead(202, { 'content-length': '6' });
      response.write('one');
      return setImmediate(() => response.end('two'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port }: AddressInfo = z.custom<AddressInfo>().parse(server.address());
    const line = await openLine(new URL(`http://127.0.0.1:${port}`));
    expect(await line.ask(postOf('/', {}, {}))).toEqual({ status: 202, body: 'onetwo' });
    expect(await line.ask(postOf('/', {}, {}))).toEqual({ status: 202, body: 'onetwo' });
    await expect(line.ask(postOf('/cut', {}, {}))).rejects.toThrow(/cut/);
    line.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
