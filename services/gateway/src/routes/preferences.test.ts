/** `GET`, `PUT` and `PATCH /user-preferences`, on both stores. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwnerId } from '@quorum/shared/ids';
import { ownerFolder } from '@quorum/shared/owner-folder';
import { preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import { keys } from '@quorum/shared/redis-keys';
import { sealPreferences } from '@quorum/shared/store-redis';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, openGateway, openLine, type Answer, type Gateway } from '../../test/stand.ts';
import { Problem } from '../problem.ts';

const OWNER = OwnerId.parse('anna');
const KEY = Buffer.alloc(32, 'preferences');
const DEFAULTS = { confidence_threshold: 0.65, max_proposals_per_run: 4 };
const DEFAULT_PREFERENCES = UserPreferences.parse(DEFAULTS);

let testRedis: TestRedis;
let redis: Redis;
let dir: string;
let keyFile: string;
beforeAll(async () => {
  testRedis = await startTestRedis();
  redis = new Redis(testRedis.url, { maxRetriesPerRequest: null });
  dir = await mkdtemp(join(tmpdir(), 'quorum-preferences-'));
  keyFile = join(dir, 'preferences.key');
  await writeFile(keyFile, KEY.toString('hex'), { mode: 0o600 });
});
afterAll(async () => {
  redis.disconnect();
  await testRedis.stop();
  await rm(dir, { recursive: true });
});

const etagOf = (preferences: UserPreferences): string => `"${preferencesVersion(preferences)}"`;

describe.each(['file', 'redis'])('the preferences of the request’s owner, on %s', (kind) => {
  let gateway: Gateway;
  beforeAll(async () => {
    gateway = await openGateway(testRedis.url, {
      OWNER_ID: OWNER,
      PREFERENCES_STORE: kind,
      PREFERENCES_DIR: dir,
      PREFERENCES_MAC_KEY_FILE: keyFile,
      DEFAULT_CONFIDENCE_THRESHOLD: String(DEFAULTS.confidence_threshold),
      MAX_PROPOSALS_PER_RUN: String(DEFAULTS.max_proposals_per_run),
    });
  });
  afterAll(() => gateway.stop());
  beforeEach(async () => {
    await redis.flushall();
    await rm(join(dir, OWNER), { recursive: true, force: true });
  });

  const get = (): Promise<Answer> => ask(`${gateway.url}/user-preferences`);
  const send = (method: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(`${gateway.url}/user-preferences`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  /** What is kept, past the gateway. */
  async function kept(): Promise<unknown> {
    const text =
      kind === 'redis'
        ? (await redis.get(keys.preferences(OWNER)))?.replace(/^[0-9a-f]{64}\n/, '')
        : await readFile(ownerFolder(dir, OWNER).file, 'utf8');
    return JSON.parse(text ?? 'null');
  }
  async function spoil(text: string): Promise<void> {
    if (kind === 'redis') {
      await redis.set(keys.preferences(OWNER), sealPreferences(OWNER, Buffer.from(text), KEY));
      return;
    }
    await mkdir(join(dir, OWNER), { recursive: true, mode: 0o700 });
    await writeFile(ownerFolder(dir, OWNER).file, text, { mode: 0o600 });
  }

  test('are the defaults, with their version, before anything was said', async () => {
    const answer = await get();
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual(DEFAULT_PREFERENCES);
    expect(answer.headers['etag']).toBe(etagOf(DEFAULT_PREFERENCES));
  });

  test('are put, and read as they were put', async () => {
    const wanted = UserPreferences.parse({
      voting_strategy: 'conservative',
      instructions: 'Grow the harbour. '.repeat(400),
      blacklisted_proposers: Array.from({ length: 500 }, (_, at) => `0x${at.toString(16).padStart(40, '0')}`),
      approval: 'when_unsure',
      space_overrides: { 'harbour.eth': { instructions: 'ö'.repeat(8_000) } },
    });
    const answer = await send('PUT', wanted);
    expect(answer).toMatchObject({ status: 200, json: wanted });
    expect(answer.headers['etag']).toBe(etagOf(wanted));
    const read = await get();
    expect([read.json, read.headers['etag']]).toEqual([wanted, etagOf(wanted)]);
    expect(await kept()).toEqual(wanted);
  });

  test('that are put with fields left out take the defaults, and ask for no approval', async () => {
    const { json } = await send('PUT', { voting_strategy: 'aggressive' });
    expect(json).toEqual({ ...DEFAULT_PREFERENCES, voting_strategy: 'aggressive', approval: 'never' });
  });

  test('are patched in the given fields alone; the others stay as they were written', async () => {
    await spoil('{"voting_strategy": "conservative", "space_overrides": {"a.eth": {"approval": "always"}}}');
    const answer = await send('PATCH', { confidence_threshold: 0.9, space_overrides: { 'b.eth': {} } });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      ...DEFAULT_PREFERENCES,
      voting_strategy: 'conservative',
      confidence_threshold: 0.9,
      space_overrides: { 'b.eth': {} },
    });
    expect(await kept()).toEqual({
      voting_strategy: 'conservative',
      confidence_threshold: 0.9,
      space_overrides: { 'b.eth': {} },
    });
    expect((await get()).headers['etag']).toBe(answer.headers['etag']);
  });

  describe('with If-Match', () => {
    test('are changed where that version stands', async () => {
      const first = await get();
      const put = await send('PUT', { approval: 'always' }, { 'if-match': String(first.headers['etag']) });
      expect(put.status).toBe(200);
      const patch = await send('PATCH', { approval: 'never' }, { 'if-match': String(put.headers['etag']) });
      expect(patch.status).toBe(200);
      expect(await send('PUT', {}, { 'if-match': '*' })).toMatchObject({ status: 200 });
    });

    test.each(['PUT', 'PATCH'])(
      'of another version are not changed by %s: 412, and the version that stands',
      async (method) => {
        const old = (await get()).headers['etag'];
        const { headers } = await send('PUT', { approval: 'always' });
        const answer = await send(method, { approval: 'never' }, { 'if-match': String(old) });
        expect(answer.status).toBe(412);
        expect(Problem.parse(answer.json)).toMatchObject({ type: '/problems/version-changed', status: 412 });
        expect(answer.headers['etag']).toBe(headers['etag']);
        expect((await get()).json).toMatchObject({ approval: 'always' });
      },
    );

    test.each(['abc', 'W/"abc"', '"a", "b"', ''])('that is %j: 400', async (given) => {
      const answer = await send('PATCH', { approval: 'never' }, { 'if-match': given });
      expect(answer.status).toBe(400);
      expect(Problem.parse(answer.json).errors).toEqual([
        { path: 'If-Match', message: expect.stringContaining('one version in double quotes') },
      ]);
    });

    test('pass for one of several who change the same version at once', async () => {
      const match = { 'if-match': String((await get()).headers['etag']) };
      const answers = await Promise.all(
        [0.1, 0.2, 0.3, 0.4].map((n) => send('PATCH', { confidence_threshold: n }, match)),
      );
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412, 412]);
    });
  });

  describe('are refused, with each field named, where the body', () => {
    test.each([
      ['has an unknown field', '{"confidence_treshold": 0.9}', 'confidence_treshold', /is not a known field/],
      ['has a value out of range', '{"max_proposals_per_run": 11}', 'max_proposals_per_run', /10/],
      [
        'has a bad address',
        '{"blacklisted_proposers": ["0x12"]}',
        'blacklisted_proposers[0]',
        /is not an Ethereum address/,
      ],
      [
        'has a field of no space',
        '{"space_overrides": {"a.eth": {"max_proposals_per_run": 3}}}',
        'space_overrides["a.eth"].max_proposals_per_run',
        /is not a known field/,
      ],
      ['has a field twice', '{"approval": "never", "approval": "always"}', 'approval', /stands here twice/],
      ['is a list', '[]', '', /must be an object/],
      ['is no JSON', '{"approval": "never"', '', /is not JSON: a } is missing \(line 1, column 21\)/],
      ['is nothing', '', '', /is not JSON/],
    ])('%s', async (_what, body, path, message) => {
      for (const method of ['PUT', 'PATCH']) {
        const answer = await send(method, body);
        expect(answer.status).toBe(400);
        expect(answer.headers['content-type']).toContain('application/problem+json');
        const problem = Problem.parse(answer.json);
        expect(problem.type).toBe('/problems/validation');
        expect(problem.errors).toEqual([{ path, message: expect.stringMatching(message) }]);
      }
      expect((await get()).json).toEqual(DEFAULT_PREFERENCES);
    });

    test('is larger than 256 kB', async () => {
      const answer = await send('PUT', ' '.repeat(256 * 1_024 + 1));
      expect(answer).toMatchObject({ status: 413, json: { detail: 'Send at most 256 kB.' } });
    });

    test('is not said to be JSON', async () => {
      expect(await send('PUT', {}, { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    });
  });

  describe('that cannot be used', () => {
    const good = UserPreferences.parse({ approval: 'always' });

    test.each(['GET', 'PATCH'])(
      'are a 409 with the fault and, apart from it, the last good ones (%s)',
      async (method) => {
        await send('PUT', good);
        await spoil('{\n  "approval": "perhaps"\n}');
        const answer = method === 'GET' ? await get() : await send('PATCH', { approval: 'never' });
        expect(answer.status).toBe(409);
        expect(answer.headers).not.toHaveProperty('etag');
        const problem = Problem.parse(answer.json);
        expect(problem).toMatchObject({
          type: '/problems/preferences-unusable',
          detail: expect.stringMatching(/^Nothing is cast until this is mended: .*:2:15: approval /),
          unusable: { fault: 'invalid', last_good: { preferences: { approval: 'always' } } },
        });
      },
    );

    test('are mended by a PUT, though not by one that names a version', async () => {
      const { headers } = await send('PUT', good);
      await spoil('{');
      const late = await send('PUT', good, { 'if-match': String(headers['etag']) });
      expect(late.status).toBe(412);
      expect(late.headers).not.toHaveProperty('etag');
      expect(await send('PUT', good)).toMatchObject({ status: 200 });
      expect(await get()).toMatchObject({ status: 200, json: good });
    });

    test('since they are gone are not the defaults', async () => {
      await send('PUT', good);
      if (kind === 'redis') await redis.del(keys.preferences(OWNER));
      else await rm(join(dir, OWNER), { recursive: true });
      expect(await get()).toMatchObject({ status: 409, json: { unusable: { fault: 'gone' } } });
    });
  });

  test('answer other methods with 405 and those that there are', async () => {
    const answer = await send('DELETE', {});
    expect(answer.status).toBe(405);
    expect(answer.headers['allow']).toBe('GET, HEAD, PATCH, PUT');
  });

  test('are a 503 while Redis is away, and there again with it', async () => {
    const line = await openLine(testRedis.url);
    const where = { PREFERENCES_STORE: kind, PREFERENCES_DIR: dir, PREFERENCES_MAC_KEY_FILE: keyFile };
    const behind = await openGateway(line.url, { OWNER_ID: OWNER, ...where });
    try {
      expect(await ask(`${behind.url}/user-preferences`)).toMatchObject({ status: 200 });
      line.freeze(true);
      const answer = await ask(`${behind.url}/user-preferences`);
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      line.freeze(false);
      await expect.poll(async () => (await ask(`${behind.url}/user-preferences`)).status).toBe(200);
    } finally {
      await behind.stop();
      await line.close();
    }
  });

  test('are for the key’s owner alone', async () => {
    const file = join(dir, 'api.key');
    await writeFile(file, 'a'.repeat(64), { mode: 0o600 });
    const shut = await openGateway(testRedis.url, { ALLOW_ANONYMOUS: '0', API_KEY_FILE: file, PREFERENCES_DIR: dir });
    try {
      for (const method of ['GET', 'PUT', 'PATCH']) {
        const body = method === 'GET' ? {} : { body: '{}' };
        const headers = { 'content-type': 'application/json' };
        expect(await ask(`${shut.url}/user-preferences`, { method, headers, ...body })).toMatchObject({ status: 401 });
      }
      const authorization = `Bearer ${'a'.repeat(64)}`;
      expect(await ask(`${shut.url}/user-preferences`, { headers: { authorization } })).toMatchObject({ status: 200 });
    } finally {
      await shut.stop();
    }
  });
});

test('preferences in files that others may write are not used, and the answer says how to mend it', async () => {
  const gateway = await openGateway(testRedis.url, { OWNER_ID: OWNER, PREFERENCES_DIR: dir });
  try {
    const headers = { 'content-type': 'application/json' };
    await ask(`${gateway.url}/user-preferences`, { method: 'PUT', headers, body: '{}' });
    await chmod(ownerFolder(dir, OWNER).file, 0o666);
    expect(await ask(`${gateway.url}/user-preferences`)).toMatchObject({
      status: 409,
      json: { detail: expect.stringContaining(`chmod go-w '${ownerFolder(dir, OWNER).file}'`) },
    });
  } finally {
    await gateway.stop();
  }
});
