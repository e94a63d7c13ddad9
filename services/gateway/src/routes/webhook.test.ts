/** The webhook of an owner over HTTP: set, shown, deleted; what was given up is listed and sent anew. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { createDeliveries, DeliveryView } from '@quorum/shared/deliveries';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { noticeId, type NoticePayload } from '@quorum/shared/notices';
import { connectPatient } from '@quorum/shared/redis';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aProposalId, aSpace } from '../../../../packages/shared/test/samples.ts';
import { PATIENT } from '../../../../test/patience.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { openReceiver, signedBy, type Receiver } from '../../test/receiver.ts';
import { ask, log, openGateway, type Answer, type Gateway } from '../../test/stand.ts';
import { signatureOf } from '../webhook/send.ts';

const [ALICE, BOB] = [OwnerId.parse('alice'), OwnerId.parse('bob')];
type Who = 'alice' | 'bob';

let server: TestRedis;
let redis: Redis;
let folder: string;
let files: Record<'GATEWAY_MAC_KEY_FILE' | 'WEBHOOK_SECRET_FILE', string>;
let gateway: Gateway;
let receiver: Receiver;
let texts: Record<Who, string>;
const settingSecret = randomBytes(32).toString('hex');

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-webhook-'));
  files = { GATEWAY_MAC_KEY_FILE: join(folder, 'mac.key'), WEBHOOK_SECRET_FILE: join(folder, 'webhook.secret') };
  const macKey = randomBytes(32);
  await writeFile(files.GATEWAY_MAC_KEY_FILE, macKey.toString('hex'), { mode: 0o600 });
  await writeFile(files.WEBHOOK_SECRET_FILE, `${settingSecret}\n`, { mode: 0o600 });
  const apiKeys = createApiKeys(redis, macKey);
  const make = async (owner: OwnerId) => (await apiKeys.create({ owner, role: 'user', name: '', nowMs: 0 })).text;
  texts = { alice: await make(ALICE), bob: await make(BOB) };
  receiver = await openReceiver();
  const { GATEWAY_MAC_KEY_FILE } = files;
  gateway = await openGateway(server.url, { GATEWAY_MAC_KEY_FILE, ALLOW_ANONYMOUS: '0', WEBHOOK_ALLOW_PRIVATE: '1' });
});
afterAll(async () => {
  await gateway.stop();
  await receiver.close();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});
beforeEach(() => receiver.answer((response) => void response.writeHead(204).end()));
afterEach(async () => void (await redis.del('{quorum}:webhooks')));

function call(who: Who, method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${texts[who]}` };
  return ask(`${gateway.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}
const Put = z.object({ url: z.string(), secret: z.string(), from: z.literal('api'), created_at: z.iso.datetime() });
const put = async (who: Who, url = receiver.url) => Put.parse((await call(who, 'PUT', '/webhook', { url })).json);

const aNotice = (owner: OwnerId): NoticePayload => ({
  event: 'closing_too_soon',
  owner,
  space_id: aSpace(),
  proposal_id: aProposalId(),
  run_id: newRunId(),
});
const gotFor = (notice: NoticePayload) =>
  receiver.got.filter(({ headers }) => headers['quorum-delivery'] === noticeId(notice));

describe('PUT /webhook', () => {
  test('sets it and shows its secret this once; Redis holds none', async () => {
    const { secret, ...shown } = await put('alice');
    expect(secret).toMatch(/^qws_[\w-]{43}$/);
    const { status, json, text } = await call('alice', 'GET', '/webhook');
    expect([status, json]).toEqual([200, shown]);
    expect(text).not.toContain('secret');
    expect((await call('bob', 'GET', '/webhook')).status).toBe(404);
    expect(JSON.stringify(await redis.hgetall('{quorum}:webhooks'))).not.toContain(secret.slice(4));
  });

  test('again is a new secret', async () => {
    expect((await put('alice')).secret).not.toBe((await put('alice')).secret);
    expect((await put('alice')).secret).not.toBe((await put('bob')).secret);
  });

  test.each([
    ['no URL', {}, 'url'],
    ['another scheme', { url: 'ftp://hooks.example.org/' }, 'url'],
    ['a password', { url: 'https://a:b@hooks.example.org/' }, 'url'],
    ['a field that is not known', { url: 'https://hooks.example.org/', secret: 'mine' }, 'secret'],
  ])('refuses %s', async (_what, body, path) => {
    const { status, json } = await call('alice', 'PUT', '/webhook', body);
    expect([status, json]).toMatchObject([400, { type: '/problems/validation', errors: [{ path }] }]);
  });

  test('is 503 where the gateway has no key of its own, and no private address is taken where none is allowed', async () => {
    const own = await openGateway(server.url);
    const set = (url: string) =>
      ask(`${own.url}/webhook`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ url }),
      });
    try {
      expect(await set('https://hooks.example.org/')).toMatchObject({ status: 503 });
      for (const url of ['http://hooks.example.org/', 'https://10.0.0.1/', receiver.url]) {
        expect(await set(url), url).toMatchObject({ status: 400 });
      }
    } finally {
      await own.stop();
    }
  });
});

test('DELETE /webhook: nothing is sent any more', async () => {
  await put('alice');
  expect((await call('alice', 'DELETE', '/webhook')).status).toBe(204);
  expect((await call('alice', 'DELETE', '/webhook')).status).toBe(404);
  expect((await call('alice', 'GET', '/webhook')).status).toBe(404);
});

test('the webhook of the settings is that of OWNER_ID, until the API sets another', async () => {
  const env = { ...files, OWNER_ID: 'alice', WEBHOOK_URL: receiver.url, WEBHOOK_ALLOW_PRIVATE: '1' };
  const own = await openGateway(server.url, { ...env, ALLOW_ANONYMOUS: '0' });
  const at = async (who: Who) =>
    (await ask(`${own.url}/webhook`, { headers: { authorization: `Bearer ${texts[who]}` } })).json;
  try {
    expect(await at('alice')).toEqual({ url: receiver.url, from: 'setting', created_at: null });
    expect(await at('bob')).toMatchObject({ status: 404 });
    await put('alice', `${receiver.url}/own`);
    expect(await at('alice')).toMatchObject({ url: `${receiver.url}/own`, from: 'api' });
    await expect(openGateway(server.url, { ...env, WEBHOOK_SECRET_FILE: '' })).rejects.toThrow(/WEBHOOK_SECRET_FILE/);
  } finally {
    await own.stop();
  }
});

describe('what was given up', () => {
  const Page = z.object({ deliveries: z.array(DeliveryView), next: z.string().nullable() });
  const list = async (who: Who, query = '?state=dead') =>
    Page.parse((await call(who, 'GET', `/webhook/deliveries${query}`)).json);

  /** As the worker leaves it after its last try. */
  async function aDeadOne(owner = ALICE): Promise<NoticePayload> {
    const notice = aNotice(owner);
    const deliveries = createDeliveries(redis);
    await deliveries.begin(notice, { leaseMs: 1, most: 99, nowMs: Date.now() });
    await deliveries.end(notice, { state: 'dead', why: 'answered 500' }, Date.now());
    return notice;
  }

  test('is listed for its owner alone, page by page', async () => {
    const made = [await aDeadOne(), await aDeadOne(), await aDeadOne()].map(noticeId).toReversed();
    const first = await list('alice', '?limit=2');
    const second = await list('alice', `?state=dead&limit=2&cursor=${first.next}`);
    expect([...first.deliveries, ...second.deliveries].map(({ id }) => id).slice(0, 3)).toEqual(made);
    expect(first.deliveries[0]).toMatchObject({ state: 'dead', attempts: 1, last_error: 'answered 500' });
    expect((await list('bob')).deliveries).toEqual([]);
    for (const query of ['?state=lost', '?limit=0', '?limit=101', '?page=2', '?cursor=nonsense']) {
      expect((await call('alice', 'GET', `/webhook/deliveries${query}`)).status, query).toBe(400);
    }
  });

  test('is sent anew by its owner, signed with the secret of today', async () => {
    const notice = await aDeadOne();
    const { secret } = await put('alice');
    const path = `/webhook/deliveries/${noticeId(notice)}/resend`;
    expect((await call('bob', 'POST', path)).status).toBe(404);
    const { status, json } = await call('alice', 'POST', path);
    expect([status, json]).toMatchObject([202, { state: 'pending', attempts: 0 }]);
    await expect.poll(() => gotFor(notice).length, PATIENT).toBe(1);
    const signed = gotFor(notice).map((one) => ({ ...signedBy(one), body: one.body }));
    expect(signed.map(({ timestamp, body }) => signatureOf(secret, timestamp, body))).toEqual([signed[0]?.signature]);
    const state = async () =>
      (await createDeliveries(redis).list(ALICE, 'delivered', { cursor: null, limit: 9 })).deliveries;
    await expect.poll(async () => (await state()).map(({ id }) => String(id)), PATIENT).toContain(noticeId(notice));
    expect(await call('alice', 'POST', path)).toMatchObject({
      status: 409,
      json: { type: '/problems/delivery-not-dead', detail: 'It is delivered.' },
    });
    expect(gotFor(notice)).toHaveLength(1);
  });

  test('whose first sending anew got only half way is sent by the second', async () => {
    const notice = await aDeadOne();
    await put('alice');
    const [id] = (await list('alice')).deliveries.map((one) => one.id);
    if (id === undefined) throw new Error('it is listed');
    // As a gateway leaves it that dies before the job is queued.
    await createDeliveries(redis).resend(ALICE, id, Date.now());
    expect((await call('alice', 'POST', `/webhook/deliveries/${id}/resend`)).status).toBe(202);
    await expect.poll(() => gotFor(notice).length, PATIENT).toBe(1);
  });
});
