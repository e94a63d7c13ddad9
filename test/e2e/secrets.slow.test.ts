/**
 * No secret leaves its file. The whole product runs at level trace with a signer from an encrypted keystore, casts votes, and is
 * made to fail in every way that might make a program quote what it holds. Then nothing of any secret may be found: not in
 * Redis, nor in the history of what was ever written there, nor in a log, nor in an answer of the gateway.
 *
 * test/leaks.test.ts shows that the search finds each spelling of a secret; the last test here, that it finds one in these places.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { readKeyFile, readSecretFile } from '@quorum/shared/secret-file';
import { Wallet } from 'ethers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChildFailed } from '../../scripts/child.ts';
import { SECRETS } from '../../scripts/secrets.ts';
import { everythingIn, findLeaks, historyOf, secretsOf, type Place, type Secret } from '../leaks.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SPACE, SURE, WANTED } from './world.ts';

const aWord = (): string => randomBytes(24).toString('base64');
const REDIS_PASSWORD = randomBytes(32).toString('hex');
/** With signs that JSON, URLs and shells each write in their own way. */
const PASSPHRASE = `correct "horse" \\ ${aWord()} % & ü`;
const WRONG_PASSPHRASE = `wrong ${aWord()}`;
const MODEL_KEY = `sk-${aWord()}`;
const HUB_KEY = aWord();

/** Keystores are slow on purpose, and four of them are opened here. It bounds a hang and nothing else. */
const LONG_MS = 5 * 60_000;

let stack: Stack;
let secrets: Secret[];
/** What the gateway answered to each request of this file. */
const answers: Place[] = [];

beforeAll(async () => {
  stack = await startStack({
    world: { ...openWorld(), api_keys: [{ key: HUB_KEY, monthly_limit: 100_000 }] },
    space: SPACE,
    preferences: EVERYTHING,
    appendonly: true,
    redisPassword: REDIS_PASSWORD,
    passphrase: PASSPHRASE,
    env: { ...SURE, LOG_LEVEL: 'trace', OPENAI_API_KEY: MODEL_KEY, SNAPSHOT_API_KEY: HUB_KEY },
  });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  const keystore = readSecretFile(path.join(stack.secrets, 'voter/keystore.json'));
  const signer = await Wallet.fromEncryptedJson(keystore, PASSPHRASE);
  secrets = [
    ...secretsOf("the signer's key", signer.privateKey.slice(2)),
    ...secretsOf("the main wallet's key", readSecretFile(path.join(stack.secrets, 'demo/main.key'))),
    ...secretsOf('the passphrase', PASSPHRASE),
    ...secretsOf('a wrong passphrase', WRONG_PASSPHRASE),
    ...secretsOf('the password of Redis', REDIS_PASSWORD),
    ...secretsOf('the key of the model', MODEL_KEY),
    ...secretsOf('the key of the hub', HUB_KEY),
    ...Object.entries(SECRETS).flatMap(([name, file]) =>
      secretsOf(name, readSecretFile(path.join(stack.secrets, file))),
    ),
  ];
}, LONG_MS);
afterAll(() => stack.stop());

async function ask(target: string, key?: string): Promise<number> {
  const [method = '', where = ''] = target.split(' ');
  const response = await fetch(`${stack.url}${where}`, {
    method,
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
    ...(method === 'GET' ? {} : { body: JSON.stringify({ space_id: SPACE }) }),
  });
  const text = `${JSON.stringify([...response.headers])}\n${await response.text()}`;
  answers.push({ where: `the answer to ${method} /${where.split('/')[1] ?? ''}`, bytes: Buffer.from(text) });
  return response.status;
}

/** Starts another voter with this wrong; it must end by itself. */
async function startInVain(env: Readonly<Record<string, string>>): Promise<void> {
  await expect(stack.start('voter', env)).rejects.toThrow(ChildFailed);
}

test(
  'a run with errors of every kind ends, votes, and has used every secret',
  async () => {
    // Keys: good ones, mistyped ones, one that was forged, and in places where none belongs.
    const apiKeys = createApiKeys(stack.redis, readKeyFile(path.join(stack.secrets, SECRETS.gatewayMacKey)));
    const make = (role: 'user' | 'viewer') =>
      apiKeys.create({ owner: OwnerId.parse('alice'), role, name: 'leak test', nowMs: Date.now() });
    const [user, viewer, forged] = [await make('user'), await make('viewer'), await make('user')];
    await stack.redis.hset(keys.apiKeys(), forged.key.id, '{"role":"admin"}');
    for (const [name, { text }] of Object.entries({ user, viewer, forged })) {
      secrets.push(...secretsOf(`the API key of ${name}`, text.slice(-64)));
    }
    const mistyped = user.text.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    const file = readSecretFile(path.join(stack.secrets, SECRETS.apiKey));
    expect(await ask('POST /agent-run', user.text)).toBe(202);
    expect(await ask('POST /agent-run', viewer.text)).toBe(403);
    expect(await ask('GET /admin/queues/api/queues', file)).toBe(200);
    for (const bad of [mistyped, forged.text, `${file}0`]) expect(await ask('POST /agent-run', bad)).toBe(401);
    for (const key of [user.text, file]) {
      expect(await ask(`GET /agent-run/${key}`)).toBe(404);
      expect(await ask(`GET /health/live?key=${key}`)).toBe(200);
      expect(await ask(`GET /agent-run/x?authorization=Bearer%20${key}`)).toBe(404);
    }

    // Starts that fail on a secret, or on where one should be.
    const wrong = path.join(stack.secrets, 'voter/wrong');
    await writeFile(wrong, WRONG_PASSPHRASE, { mode: 0o600 });
    const signers = JSON.stringify(JSON.parse(readSecretFile(path.join(stack.secrets, 'voter/signers.json'))));
    const broken = path.join(stack.secrets, 'voter/wrong.json');
    await writeFile(broken, signers.replace('"passphrase"', '"wrong"'), { mode: 0o600 });
    await startInVain({ SIGNERS_FILE: broken });
    await startInVain({ SIGNERS_FILE: wrong });
    await startInVain({ VOTER_MAC_KEY_FILE: path.join(stack.secrets, 'voter/passphrase') });
    await startInVain({ REDIS_URL: `http://:${REDIS_PASSWORD}@127.0.0.1:1`, REDIS_PASSWORD_FILE: wrong });
    // This one asks on and on.
    const denied = new URL(stack.redisServer.url);
    denied.password = encodeURIComponent(WRONG_PASSPHRASE);
    const waiting = stack.start('voter', { REDIS_URL: denied.href });
    waiting.catch(() => {});
    await until('the refusal of Redis', async () => (await stack.logs()).includes('WRONGPASS'));

    // Upstreams that fail, and a vote that is refused.
    await stack.control('POST', 'faults', { endpoint: 'hub', count: 2, status: 500, body: 'no' });
    await stack.control('POST', 'faults', {
      endpoint: 'model',
      count: 1,
      status: 401,
      body: { error: { message: 'bad key' } },
    });
    await stack.control('POST', 'faults', { endpoint: 'model', count: 1, cut: 'before' });
    await stack.control('POST', 'faults', {
      endpoint: 'sequencer',
      count: 1,
      status: 400,
      body: { error: 'client_error', error_description: 'invalid choice' },
    });
    await stack.control('POST', 'faults', { endpoint: 'sequencer', count: 1, cut: 'after' });
    const first = await stack.run();
    expect(first.decisions.map(({ outcome }) => outcome.kind)).toContain('failed');
    expect(first.votes_cast.length).toBeGreaterThan(0);

    // A Redis that goes away in the middle of it.
    await stack.redisServer.kill9();
    expect(await ask('POST /agent-run', user.text)).toBe(503);
    await until('somebody misses Redis', async () => (await stack.logs()).includes('redis connection lost'));
    await stack.redisServer.restart();
    await until('the gateway is back', async () => (await ask('GET /health/ready')) === 200);
    await stack.control('DELETE', 'faults');
    expect((await stack.run()).status).toBe('completed');
    // What is under way is over, and the last lines are written.
    await Promise.all((['fetcher', 'decider', 'voter', 'gateway'] as const).map((service) => stack.sigterm(service)));

    const logs = await stack.logs();
    for (const said of [
      'request answered',
      'security: an API key was refused',
      'security: the record of an API key is not ours',
      'could not be opened with the passphrase',
      'service could not start',
      'redis connection lost',
      'model did not answer',
      'service stopped',
    ]) {
      expect(logs).toContain(said);
    }
  },
  LONG_MS,
);

test('nothing of any secret is in Redis, in its history, in a log or in an answer', async () => {
  const inRedis = await everythingIn(stack.redis);
  for (const prefix of ['run:', 'bull:', 'proposal:', 'evidence:', 'ledger:', 'audit:', 'api-keys', 'signers']) {
    expect(
      inRedis.some(({ where }) => where.includes(`{quorum}:${prefix}`)),
      prefix,
    ).toBe(true);
  }
  const logs = { where: 'the logs', bytes: Buffer.from(await stack.logs()) };
  expect(findLeaks([...inRedis, ...(await historyOf(stack.redis)), logs, ...answers], secrets)).toEqual([]);
});

test('each secret would be found there, if it were there', async () => {
  for (const [at, { bytes }] of secrets.entries()) {
    await stack.redis.hset('{quorum}:planted', `${at}`, JSON.stringify({ planted: bytes.toString('base64') }));
  }
  const inRedis = findLeaks(await everythingIn(stack.redis), secrets).join('\n');
  await stack.redis.del('{quorum}:planted');
  const inHistory = findLeaks(await historyOf(stack.redis), secrets).join('\n');
  for (const { name } of secrets) {
    expect(inRedis).toContain(`${name}: base64`);
    expect(inHistory).toContain(`${name}: base64`);
  }
});
