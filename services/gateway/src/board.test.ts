/** What the board shows of a job: what the catalogue says that it carries, and nothing that somebody else put there. */
import { randomBytes } from 'node:crypto';
import { newRunId } from '@quorum/shared/ids';
import { JOBS } from '@quorum/shared/jobs';
import { connectFailFast, firstAttempt } from '@quorum/shared/redis';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { aHold } from '../../../packages/shared/test/holds.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, log, openGateway, type Gateway } from '../test/stand.ts';
import { openQueues, type Queues } from './queues.ts';

let server: TestRedis;
let redis: Redis;
let queues: Queues;
let at: Gateway;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectFailFast(server.url, log, () => 10_000);
  await firstAttempt(redis);
  const retries = () => ({ maxRetryAttempts: 1, retryDelayS: 1 });
  queues = openQueues({ connection: redis, retries, limitMs: () => 10_000, log });
  at = await openGateway(server.url);
});
afterAll(async () => {
  await at.stop();
  await queues.close();
  redis.disconnect();
  await server.stop();
});

async function shown(queueName: string, data: unknown): Promise<string> {
  const queue = queues.all().find(({ name }) => name === queueName);
  const job = await queue?.add('vote', data);
  return (await ask(`${at.url}/admin/queues/api/queues/${queueName}/${job?.id}`)).text;
}

test('the references of a job are shown, and what else is in its data is not', async () => {
  const secret = randomBytes(16).toString('hex');
  const ref = { run_id: newRunId(), proposal_id: `0x${'1a'.repeat(32)}`, content_hash: '2b'.repeat(32) };
  const text = await shown('vote', ref);
  for (const value of Object.values(ref)) expect(text).toContain(value);
  const odd = await shown('vote', { ...ref, api_key: secret });
  expect(odd).toContain('not what the catalogue says');
  expect(odd).not.toContain(secret);
});

test('the job of a hold leads to its proposal, by the link of its record', async () => {
  const hold = await aHold(redis);
  const text = await shown('vote', { hold_id: hold.subject.hold_id });
  const path = `/admin/queues/proposal-of-hold/${hold.subject.hold_id}`;
  expect(text).toContain(path);
  const answer = await ask(`${at.url}${path}`);
  expect(answer).toMatchObject({ status: 303, headers: { location: hold.subject.link } });
});

test('a link that leads elsewhere than to the web, or none, is not followed', async () => {
  for (const path of [`proposal/${newRunId()}/0x1`, 'proposal/x/y', 'proposal-of-hold/x']) {
    expect((await ask(`${at.url}/admin/queues/${path}`)).status, path).toBe(404);
  }
});

const Shape = z.object({
  properties: z.record(z.string(), z.unknown()).optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});

/** Every field of a JSON schema, at any depth, with what is said of it. */
function fieldsOf(schema: unknown): (readonly [string, Readonly<Record<string, unknown>>])[] {
  const { properties = {}, anyOf = [], oneOf = [] } = Shape.parse(schema);
  const own = Object.entries(properties).map(
    ([name, rule]) => [name, z.record(z.string(), z.unknown()).parse(rule)] as const,
  );
  return [...own, ...[...Object.values(properties), ...anyOf, ...oneOf].flatMap(fieldsOf)];
}

describe('the payload of', () => {
  test.each(Object.entries(JOBS))('%s holds references: no secret, and no text of any length', (_name, { payload }) => {
    for (const [name, rule] of fieldsOf(z.toJSONSchema(payload, { io: 'input', unrepresentable: 'any' }))) {
      expect(name).not.toMatch(/secret|token|password|passphrase|(^|_)key|mac$/);
      if (rule['type'] !== 'string') continue;
      const isBounded = ['pattern', 'enum', 'const', 'format', 'maxLength'].some((word) => word in rule);
      expect(isBounded, `${name} may be any text`).toBe(true);
    }
  });
});
