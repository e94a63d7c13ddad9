/** Notices from the queue to a receiver: each once, in time and for good, whatever the receiver does. */
import { randomBytes } from 'node:crypto';
import { createDeliveries } from '@quorum/shared/deliveries';
import { DeliveryId, newRunId, type OwnerId } from '@quorum/shared/ids';
import { JOBS, jobIds, jobOptions } from '@quorum/shared/jobs';
import { wasLeftByPolicy } from '@quorum/shared/left-over';
import { createMetrics } from '@quorum/shared/metrics';
import { aliasNotices, WebhookBody, type NoticePayload } from '@quorum/shared/notices';
import { createRecords } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import type { RunningWorker } from '@quorum/shared/run-worker';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { aHold, anAnswerTo } from '../../../../packages/shared/test/holds.ts';
import { anAddress, anOwner, aProposalId, aSpace } from '../../../../packages/shared/test/samples.ts';
import { aRunningRun, vote } from '../../../../packages/shared/test/world.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { PATIENT } from '../../../../test/patience.ts';
import { openReceiver, signedBy, type Receiver } from '../../test/receiver.ts';
import { log } from '../../test/stand.ts';
import { PrivateAddressError, resolveAny } from './address.ts';
import { measureDeliveries } from './delivery-metrics.ts';
import type { NotifyDeps } from './notify-job.ts';
import { signatureOf } from './send.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';
import { startNotifier } from './worker.ts';

let server: TestRedis;
let redis: Redis;
let queue: Queue;
let receiver: Receiver;
let webhooks: Webhooks;
let metrics: ReturnType<typeof createMetrics>;
const workers: RunningWorker[] = [];

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  queue = new Queue('notify', { connection: redis, prefix: BULL_PREFIX });
});
afterAll(async () => {
  await queue.close();
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  receiver = await openReceiver();
  metrics = createMetrics('test');
  webhooks = createWebhooks({ redis, macKey: randomBytes(32), setting: null, metrics, log });
});
afterEach(async () => {
  // First: a worker waits for what it is sending.
  await receiver.close();
  await Promise.all(workers.splice(0).map((worker) => worker.close(1_000)));
});

function work(given: Partial<NotifyDeps> = {}): RunningWorker {
  const deliveries = createDeliveries(redis);
  const deps: NotifyDeps = {
    deliveries,
    webhooks,
    records: createRecords(redis),
    leftByPolicy: (...of) => wasLeftByPolicy(redis, ...of),
    allowPrivate: true,
    resolve: resolveAny,
    timeoutMs: 10_000,
    waitsMs: [20, 20],
    metrics: measureDeliveries(metrics, deliveries),
    now: Date.now,
    ...given,
  };
  const worker = startNotifier({ connection: redis, deps, log, metrics });
  workers.push(worker);
  return worker;
}

async function enqueue(notice: NoticePayload): Promise<void> {
  const opts = jobOptions('notify', { maxRetryAttempts: 3, retryDelayS: 1 });
  await queue.add('notify', JOBS.notify.payload.parse(notice), { ...opts, jobId: jobIds.notify(notice) });
}

/** What became of it, once its job has ended. */
async function endOf(notice: NoticePayload): Promise<unknown> {
  const done = async () => {
    const job = await queue.getJob(jobIds.notify(notice));
    return job?.finishedOn === undefined ? undefined : (job.returnvalue ?? job.failedReason);
  };
  await expect.poll(done, PATIENT).toBeDefined();
  return (await done())?.end;
}

/** An owner who is told at the receiver, at a path of their own. */
async function anOwnerWith(owner = anOwner()): Promise<{ owner: OwnerId; secret: string }> {
  return { owner, secret: (await webhooks.put(owner, `${receiver.url}/${owner}`, Date.now())).secret };
}
const closing = (owner: OwnerId): NoticePayload => ({
  event: 'closing_too_soon',
  owner,
  space_id: aSpace(),
  proposal_id: aProposalId(),
  run_id: newRunId(),
});
const deliveryOf = (notice: NoticePayload) => createDeliveries(redis).read(DeliveryId.parse(jobIds.notify(notice)));
const got = (): WebhookBody[] => receiver.got.map(({ body }) => WebhookBody.parse(JSON.parse(body)));

describe('a notice', () => {
  test('of a hold says what waits for its owner, and is signed', async () => {
    const { owner, secret } = await anOwnerWith();
    const { subject } = await aHold(redis, { owner, nowMs: Date.now() });
    const { hold_id, run_id, space_id, proposal_id, title, link, deadline } = subject;
    const notice: NoticePayload = { event: 'hold_created', owner, hold_id, run_id, space_id, proposal_id };
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('delivered');
    expect(got()).toEqual([
      {
        id: `hold_created-${hold_id}`,
        event: 'hold_created',
        owner,
        created_at: expect.any(String),
        data: {
          message: 'A decision waits for your answer.',
          space_id,
          proposal_id,
          run_id,
          hold_id,
          title,
          link,
          deadline: new Date(deadline).toISOString(),
          outcome: 'waiting',
          why: 'below_confidence',
          detail: null,
          alias: null,
        },
      },
    ]);
    const signed = receiver.got.map((one) => ({ ...signedBy(one), body: one.body }));
    expect(signed.map(({ timestamp, body }) => signatureOf(secret, timestamp, body))).toEqual([signed[0]?.signature]);
  });

  test('is delivered once, however often it is queued, also when its job is gone', async () => {
    const { owner } = await anOwnerWith();
    const notice = closing(owner);
    work();
    for (let times = 0; times < 3; times += 1) {
      await enqueue(notice);
      expect(await endOf(notice)).toBe('delivered');
      await queue.remove(jobIds.notify(notice));
    }
    expect(receiver.got).toHaveLength(1);
  });

  test('is tried again with the same id and body until the receiver takes it', async () => {
    const { owner } = await anOwnerWith();
    receiver.answer((response) => void response.writeHead(receiver.got.length < 3 ? 503 : 200).end());
    const notice = closing(owner);
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('delivered');
    expect(receiver.got).toHaveLength(3);
    expect(new Set(receiver.got.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.got.map(({ headers }) => headers['quorum-delivery'])).size).toBe(1);
    expect(await deliveryOf(notice)).toMatchObject({ state: 'delivered', attempts: 3 });
    const counted = await metrics.registry.getSingleMetricAsString('quorum_webhook_deliveries_total');
    expect(counted).toMatch(/result="failed".*\} 2$/m);
    expect(counted).toMatch(/result="delivered".*\} 1$/m);
  });

  test('is dead after the last try, kept, and what is wrong is told', async () => {
    const { owner } = await anOwnerWith();
    receiver.answer((response) => void response.writeHead(500).end());
    const notice = closing(owner);
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('dead');
    expect(receiver.got).toHaveLength(3);
    const { deliveries } = await createDeliveries(redis).list(owner, 'dead', { cursor: null, limit: 10 });
    expect(deliveries).toMatchObject([{ attempts: 3, why: 'answered 500', notice }]);
  });

  test('that was given up is counted as that once, however often it is queued', async () => {
    const { owner } = await anOwnerWith();
    receiver.answer((response) => void response.writeHead(410).end());
    const notice = closing(owner);
    work();
    for (let times = 0; times < 3; times += 1) {
      await enqueue(notice);
      expect(await endOf(notice)).toBe('dead');
      await queue.remove(jobIds.notify(notice));
    }
    const counted = await metrics.registry.getSingleMetricAsString('quorum_webhook_deliveries_total');
    expect(counted).toMatch(/result="dead".*\} 1$/m);
  });

  test('that a receiver wants no more (410) is dead at once', async () => {
    const { owner } = await anOwnerWith();
    receiver.answer((response) => void response.writeHead(410).end());
    const notice = closing(owner);
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('dead');
    expect(receiver.got).toHaveLength(1);
  });

  test('for a private address is dead at once, and nobody is called', async () => {
    const { owner } = await anOwnerWith();
    const notice = closing(owner);
    await enqueue(notice);
    work({ allowPrivate: false });
    expect(await endOf(notice)).toBe('dead');
    expect(receiver.got).toEqual([]);
  });

  test('whose name leads to a private address for a moment is tried again', async () => {
    const { owner } = await anOwnerWith();
    await webhooks.put(owner, `${receiver.url.replace('127.0.0.1', 'localhost')}/${owner}`, Date.now());
    const notice = closing(owner);
    await enqueue(notice);
    let asked = 0;
    work({
      async resolve(host) {
        asked += 1;
        if (asked === 1) throw new PrivateAddressError(host);
        return resolveAny(host);
      },
    });
    expect(await endOf(notice)).toBe('delivered');
    expect(receiver.got).toHaveLength(1);
    expect(await deliveryOf(notice)).toMatchObject({ state: 'delivered', attempts: 2 });
  });

  test('for an owner who wants none ends without a trace', async () => {
    const notice = closing(anOwner());
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('no_webhook');
    expect(await deliveryOf(notice)).toBeNull();
  });

  test('is not sent to a webhook that somebody wrote into Redis', async () => {
    const { owner } = await anOwnerWith();
    const text = (await redis.hget('{quorum}:webhooks', owner)) ?? '';
    await redis.hset('{quorum}:webhooks', owner, text.replace(/\/hook/, '/elsewhere'));
    const notice = closing(owner);
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('no_webhook');
    expect(receiver.got).toEqual([]);
    expect(await metrics.registry.metrics()).toMatch(/quorum_security_events_total\{event="webhook_forged".*\} 1/);
  });
});

describe('what is over by then is told no more', () => {
  test('a hold that was answered', async () => {
    const { owner } = await anOwnerWith();
    const held = await aHold(redis, { owner, nowMs: Date.now() });
    const { hold_id, run_id, space_id, proposal_id } = held.subject;
    const sealed = sealAnswer(anAnswerTo(held.subject, { answer: 'reject' }), randomBytes(32));
    await held.transitions.answerHold(await held.read(), { kind: 'answer', sealed }, Date.now());
    work();
    for (const event of ['hold_created', 'hold_half_time', 'hold_expiring'] as const) {
      const notice: NoticePayload = { event, owner, hold_id, run_id, space_id, proposal_id };
      await enqueue(notice);
      expect(await endOf(notice), event).toBe('dropped');
    }
    expect(receiver.got).toEqual([]);
  });

  test('a hold that is answered between two tries', async () => {
    const { owner } = await anOwnerWith();
    const held = await aHold(redis, { owner, nowMs: Date.now() });
    const { hold_id, run_id, space_id, proposal_id } = held.subject;
    receiver.answer((response) => {
      const sealed = sealAnswer(anAnswerTo(held.subject, { answer: 'reject' }), randomBytes(32));
      void held
        .read()
        .then((hold) => held.transitions.answerHold(hold, { kind: 'answer', sealed }, Date.now()))
        .then(() => response.writeHead(503).end());
    });
    const notice: NoticePayload = { event: 'hold_created', owner, hold_id, run_id, space_id, proposal_id };
    await enqueue(notice);
    work();
    expect(await endOf(notice)).toBe('dropped');
    expect(receiver.got).toHaveLength(1);
    expect(await deliveryOf(notice)).toMatchObject({ state: 'dropped' });
  });

  test('a deadline, where a vote stands; and it is told where none does', async () => {
    const one = await aRunningRun(redis);
    const { owner } = await anOwnerWith(one.owner);
    const { voter, space: space_id, proposal: proposal_id, runId: run_id } = one;
    await createRecords(redis).announceSigner(owner, { voter, allowed_spaces: [space_id], kind: 'own_key' });
    const missed: NoticePayload = { event: 'deadline_missed', owner, space_id, proposal_id, run_id };
    await enqueue({ ...missed, proposal_id: aProposalId() });
    work();
    await expect.poll(() => receiver.got.length, PATIENT).toBe(1);
    expect(got()).toMatchObject([{ event: 'deadline_missed', data: { space_id, title: null } }]);
    await one.transitions.reserve(vote(one));
    await one.transitions.confirm(vote(one), { state: 'cast', receipt: null });
    await enqueue(missed);
    expect(await endOf(missed)).toBe('dropped');
  });

  test('an alias that was renewed', async () => {
    const { owner } = await anOwnerWith();
    const [alias, voter, endS] = [anAddress(), anAddress(), Math.floor(Date.now() / 1_000) + 3_600];
    const records = createRecords(redis);
    await records.announceSigner(owner, { voter, allowed_spaces: [], kind: 'alias', alias });
    await records.announceAliasEnd(owner, alias, endS);
    const [due] = aliasNotices(owner, alias, endS, Date.now());
    const [older] = aliasNotices(owner, alias, endS - 60, Date.now());
    if (due === undefined || older === undefined) throw new Error('both are due');
    work();
    await enqueue(older.payload);
    expect(await endOf(older.payload)).toBe('dropped');
    await enqueue(due.payload);
    expect(await endOf(due.payload)).toBe('delivered');
    expect(got()).toMatchObject([{ event: 'alias_expiring', data: { alias } }]);
  });
});

test('a receiver that hangs keeps nobody else waiting, and is itself called two at a time', async () => {
  const [slow, quick] = [await anOwnerWith(), await anOwnerWith()];
  let atOnce = 0;
  let most = 0;
  receiver.answer((response, { path }) => {
    if (path.endsWith(quick.owner)) return void response.writeHead(204).end();
    atOnce += 1;
    most = Math.max(most, atOnce);
    response.on('close', () => (atOnce -= 1));
  });
  for (let times = 0; times < 100; times += 1) await enqueue(closing(slow.owner));
  work();
  await expect.poll(() => atOnce, PATIENT).toBe(2);
  const notices = Array.from({ length: 10 }, () => closing(quick.owner));
  for (const notice of notices) await enqueue(notice);
  for (const notice of notices) expect(await endOf(notice)).toBe('delivered');
  // None of the slow ones has been given up yet: the quick ones went past them.
  expect(most).toBe(2);
  expect(receiver.got.filter(({ path }) => path.endsWith(slow.owner))).toHaveLength(2);
});

test('a delivery whose process died is taken up again, and its age is told meanwhile', async () => {
  const { owner } = await anOwnerWith();
  const notice = closing(owner);
  const deliveries = createDeliveries(redis);
  // As a process leaves it that dies while it sends.
  await deliveries.begin(notice, { leaseMs: 1, most: 2, nowMs: Date.now() - 60_000 });
  measureDeliveries(metrics, deliveries);
  const age = /quorum_webhook_oldest_undelivered_seconds\{.*\} ([\d.]+)/;
  expect(Number(age.exec(await metrics.registry.metrics())?.[1])).toBeGreaterThanOrEqual(60);
  metrics.registry.removeSingleMetric('quorum_webhook_oldest_undelivered_seconds');
  metrics.registry.removeSingleMetric('quorum_webhook_deliveries_total');
  await enqueue(notice);
  work();
  expect(await endOf(notice)).toBe('delivered');
  expect(await deliveries.oldestPendingMs()).toBeNull();
});
