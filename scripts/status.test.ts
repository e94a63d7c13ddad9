/** `npm run status`, as an operator runs it: against a Redis, with and without what works on it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createAppointments } from '@quorum/shared/appointments';
import { createRecords } from '@quorum/shared/records';
import { BULL_PREFIX, keys } from '@quorum/shared/redis-keys';
import { enableVoting } from '@quorum/shared/voting';
import { createWatches, watchOf } from '@quorum/shared/watches';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aHold } from '../packages/shared/test/holds.ts';
import { anAddress, aResponse, aSpace } from '../packages/shared/test/samples.ts';
import { aRunningRun } from '../packages/shared/test/world.ts';
import { startTestRedis, type TestRedis } from '../test/redis.ts';
import { freePort } from './ports.ts';

const SCRIPT = path.join(import.meta.dirname, 'status.ts');
const HOUR_MS = 60 * 60_000;
const ESCAPE = '\u001b';

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = new Redis(server.url, { maxRetriesPerRequest: null });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(() => redis.flushall());

type Run = { readonly code: number; readonly out: string; readonly err: string };

function environment(url: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], QUORUM_ENV_FILE: '', REDIS_URL: url };
}

function status(args: readonly string[], url = server.url): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env: environment(url) }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

/** Everything in Redis, key by key. */
async function everything(): Promise<Record<string, string | undefined>> {
  const names = (await redis.keys('*')).toSorted();
  const dumped = await Promise.all(names.map((name) => redis.dumpBuffer(name)));
  return Object.fromEntries(names.map((name, at) => [name, dumped[at]?.toString('hex')]));
}

/** A run that is under way, one that has ended, a hold, a watch, an appointment, and jobs in every state. */
async function aBusyQuorum() {
  const hold = await aHold(redis, { subject: { title: `Repair${ESCAPE}[2J the\u202e breakwater\nnow` } });
  const records = createRecords(redis);
  const { owner } = hold;
  await enableVoting(redis, owner);
  await redis.set(keys.mode(), 'sandbox');
  await records.announceSigner(owner, { voter: anAddress(), kind: 'own_key', allowed_spaces: [hold.space] });
  const ended = await aRunningRun(redis);
  await ended.transitions.finish(
    { owner: ended.owner, dryRun: false },
    aResponse(ended.runId, { space_id: ended.space }),
    Date.now(),
  );
  await createWatches(redis).put(watchOf(owner, aSpace('watched.eth'), { every_s: 3_600, dry_run: true }));
  const at = Date.now() + 84 * HOUR_MS;
  await createAppointments(redis).make({ owner, space_id: aSpace('due.eth'), dry_run: false, at });

  const votes = new Queue('vote', { connection: redis, prefix: BULL_PREFIX });
  const runs = new Queue('agent-run', { connection: redis, prefix: BULL_PREFIX });
  await votes.addBulk([
    { name: 'vote', data: {}, opts: { timestamp: Date.now() - 5.5 * HOUR_MS, priority: 5 } },
    { name: 'vote', data: {} },
    { name: 'expire', data: {}, opts: { delay: HOUR_MS } },
  ]);
  const worker = new Worker('agent-run', async () => ({}), {
    connection: redis,
    prefix: BULL_PREFIX,
  });
  const done = new Promise((resolve) => worker.once('completed', resolve));
  await runs.add('agent-run', {}, { jobId: ended.runId });
  await done;
  return {
    hold,
    ended,
    async [Symbol.asyncDispose]() {
      await worker.close();
      await Promise.all([votes.close(), runs.close()]);
    },
  };
}

describe('npm run status', () => {
  test('on a Redis that nothing was started on says so, and leaves it empty', async () => {
    const { code, out, err } = await status(['--once']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('no start so far');
    expect(out).toContain('No workers: no service runs');
    expect(out).toContain('Voting is paused for everybody');
    expect(await redis.dbsize()).toBe(0);
  });

  test('tells of queues, workers, runs, holds and what is due, once where there is no terminal, and changes nothing', async () => {
    await using busy = await aBusyQuorum();
    const before = await everything();
    const { code, out, err } = await status([]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(await everything()).toEqual(before);
    const { hold, ended } = busy;
    expect(out).toContain('sandbox: no vote is real');
    expect(out).toContain('Voting is enabled');
    expect(out).toMatch(/^vote +2 +5 h +0 +1 +0 +0 +0$/m);
    expect(out).toMatch(/^agent-run +0 +– +0 +0 +0 +0 +1$/m);
    expect(out).toContain('No workers: decide, vote, notify');
    expect(out).toMatch(
      new RegExp(`^running +${hold.space} +${hold.owner} +live .* ago .*1 held +${hold.runId}$`, 'm'),
    );
    expect(out).toMatch(new RegExp(`^completed +${ended.space} +${ended.owner} +live .* ago +${ended.runId}$`, 'm'));
    expect(out).toMatch(/^\d+ min left .* below_confidence +Repair \[2J the breakwater now$/m);
    expect(out).toMatch(new RegExp(`^in 3 d +due\\.eth +${hold.owner} +live +appointment$`, 'm'));
    expect(out).toMatch(new RegExp(`^not yet known +watched\\.eth +${hold.owner} +dry +watch$`, 'm'));
    expect(out).not.toContain(ESCAPE);
  });

  test('as JSON is one line with the same', async () => {
    await using busy = await aBusyQuorum();
    const { code, out } = await status(['--json']);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    const Told = z.looseObject({ holds: z.array(z.looseObject({ hold_id: z.string() })), unreadable: z.number() });
    expect(Told.parse(JSON.parse(out))).toMatchObject({
      mode: 'sandbox',
      voting: { all: true, paused_owners: [] },
      holds: [{ hold_id: busy.hold.subject.hold_id, state: 'waiting' }],
      unreadable: 0,
    });
  });

  test('counts what cannot be read, and tells the rest', async () => {
    await using busy = await aBusyQuorum();
    await redis.hset(keys.run(busy.hold.runId), 'state', 'sleepwalking');
    await redis.hset(keys.watches(), 'nobody:nowhere.eth', '{');
    const { out } = await status(['--once']);
    expect(out).toContain('Records that cannot be read: 2.');
    expect(out).toContain(busy.ended.runId);
    expect(out).not.toContain('sleepwalking');
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    ['a job with data that is none', () => redis.hset(`${BULL_PREFIX}:decide:odd`, 'data', '{', 'timestamp', '1')],
    ['a job without anything', () => redis.hset(`${BULL_PREFIX}:decide:odd`, 'odd', '1')],
    ['a job that is gone', async () => undefined],
  ])('is not kept from its work by %s', async (_what, make) => {
    await using busy = await aBusyQuorum();
    await make();
    await redis.lpush(`${BULL_PREFIX}:decide:wait`, 'odd');
    const { code, out, err } = await status(['--once']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^decide +1 /m);
    expect(out).toContain(busy.ended.runId);
    expect(out).not.toContain('NaN');
  });

  test.each<readonly [string, () => Promise<unknown>]>([
    ['an appointment at no time', () => redis.hset(keys.appointments(), 'a:b', '{"at":1e300}')],
    ['a run that is none', () => redis.zadd(keys.runs(), 9e15, 'odd')],
    ['an open run that is none', () => redis.zadd(keys.openRuns(), 1, 'odd')],
    ['an open hold that is none', () => redis.zadd(keys.openHolds(), 1, 'odd')],
    ['a signer of nobody', () => redis.hset(keys.signers(), 'NOBODY !', '{')],
    ['a mode that is none', () => redis.set(keys.mode(), `x${ESCAPE}[2J`)],
    ['a list where none should be', () => redis.set(keys.watches(), 'x')],
    ['a key where none should be', () => redis.lpush(keys.votingGlobal(), 'x')],
    ['a queue that is none', () => redis.set(`${BULL_PREFIX}:notify:wait`, 'x')],
  ])('tells the rest in spite of %s', async (_what, make) => {
    await using busy = await aBusyQuorum();
    if (_what.includes('where none')) await redis.del(keys.watches(), keys.votingGlobal());
    await make();
    const { code, out, err } = await status(['--once']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(busy.ended.runId);
    expect(out).not.toContain(ESCAPE);
  });

  test('names the owners whose voting is paused', async () => {
    await using busy = await aBusyQuorum();
    await redis.set(keys.votingOwner(busy.hold.owner), 'paused');
    expect((await status(['--once'])).out).toContain(`Voting is paused for ${busy.hold.owner}`);
  });

  test('without a Redis says what to do', async () => {
    const { code, out, err } = await status(['--once'], `redis://127.0.0.1:${await freePort()}`);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^✗ The Redis at .* is of no use: .*\n→ Start it/);
  });

  test('takes no other option', async () => {
    expect(await status(['--always'])).toMatchObject({ code: 1, err: expect.stringContaining('npm run status') });
  });
});

/** Gives a command a terminal; of Linux' own, since others take other options. */
const TERMINAL = '/usr/bin/script';
const hasTerminal = process.platform === 'linux' && existsSync(TERMINAL);

test.runIf(hasTerminal)('in a terminal it is drawn in place, again and again, until it is told to stop', async () => {
  await using busy = await aBusyQuorum();
  const command = `stty rows 60 cols 70; exec ${process.execPath} ${SCRIPT}`;
  const child = execFile(TERMINAL, ['-qec', command, '/dev/null'], { env: environment(server.url) });
  let shown = '';
  const drawn = Promise.withResolvers<void>();
  child.stdout?.on('data', (text: string) => {
    shown += text;
    if (shown.split(`${ESCAPE}[H`).length > 3) drawn.resolve();
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await drawn.promise;
  // Ctrl-C, as a terminal sends it.
  child.stdin?.write('\u0003');
  expect(await ended).toBe(0);
  const [, first = ''] = shown.split(`${ESCAPE}[H`);
  expect(first).toContain(busy.hold.owner);
  // oxlint-disable-next-line no-control-regex -- what a terminal is sent
  const lines = first.replaceAll(/\u001b\[[0-9;]*[A-Za-z]/g, '').split(/\r?\n/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(70);
});
