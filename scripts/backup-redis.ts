/**
 * The Redis that a backup is made of or put back into: the operator's own, that of the Quorum that runs, or, while none runs, the
 * private one of `npm start`, which is started for the moment. Who puts something back must be alone.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readSecretFile } from '@quorum/shared/secret-file';
import type { Redis } from 'ioredis';
import { connectRedis, namedRedis } from './connect-redis.ts';
import { OperatorError, withRedis, type Operator } from './operator.ts';
import { endLeftOverRedis, startRedis } from './redis-server.ts';
import { runFiles } from './run-files.ts';
import { SECRETS } from './secrets.ts';

const LOOK_AGAIN_MS = 1_000;

type Work<T> = (redis: Redis) => Promise<T>;

/** Services may run meanwhile. */
export async function withRedisToRead<T>(operator: Operator, work: Work<T>): Promise<T> {
  if (namedRedis(operator.settings, operator.env) !== undefined) return withRedis(operator, work);
  const files = runFiles(operator.settings.folders.run);
  if ((await files.claim()) !== undefined) return withRedis(operator, work);
  try {
    const { redis: dir } = operator.settings.folders;
    if (!existsSync(dir)) throw new OperatorError(`There is nothing in ${dir}: Quorum was never started here.`);
    return await withPrivateRedis(operator, work);
  } finally {
    await files.release();
  }
}

/** Throws an `OperatorError` where anybody else is there. */
export async function withRedisAlone<T>(operator: Operator, work: Work<T>): Promise<T> {
  if (namedRedis(operator.settings, operator.env) !== undefined) {
    return withRedis(operator, async (redis) => {
      await refuseOthers(redis);
      return work(redis);
    });
  }
  const files = runFiles(operator.settings.folders.run);
  const other = await files.claim();
  if (other !== undefined) {
    throw new OperatorError(
      `Quorum is running (process ${other}).\n→ End it with Ctrl-C in its terminal, or: kill ${other}`,
    );
  }
  try {
    await files.endLeftOvers();
    return await withPrivateRedis(operator, work);
  } finally {
    await files.release();
  }
}

async function withPrivateRedis<T>({ settings, secrets }: Operator, work: Work<T>): Promise<T> {
  const passwordFile = path.join(secrets, SECRETS.redisPassword);
  if (!existsSync(passwordFile)) {
    throw new OperatorError(`${passwordFile} is missing.\n→ Put your secrets back, or make new ones: npm run setup`);
  }
  const { redis: dir, logs } = settings.folders;
  const password = readSecretFile(passwordFile);
  await mkdir(logs, { recursive: true, mode: 0o700 });
  await endLeftOverRedis({ dir, password });
  const started = await startRedis({ dir, password, appendonly: true, logFile: path.join(logs, 'redis.log') });
  try {
    const redis = await connectRedis(started.url);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  } finally {
    await started.stop();
  }
}

/**
 * Every other connection to the same database may be a service, whatever it is called. One that is gone a moment later was none: a
 * health check asks and leaves.
 */
async function refuseOthers(redis: Redis): Promise<void> {
  if ((await othersOn(redis)).size === 0) return;
  await sleep(LOOK_AGAIN_MS);
  const others = await othersOn(redis);
  if (others.size === 0) return;
  throw new OperatorError(
    `This Redis is in use: ${others.size} other connections, from ${[...others].join(', ')}.\n→ End Quorum, and whatever else reads this database, and try again.`,
  );
}

/** Their addresses. */
async function othersOn(redis: Redis): Promise<ReadonlySet<string>> {
  const own = String(await redis.client('ID'));
  const clients = String(await redis.client('LIST'))
    .trim()
    .split('\n')
    .map(fieldsOf);
  const database = clients.find((client) => client.get('id') === own)?.get('db');
  const others = clients.filter(
    (client) => client.get('id') !== own && client.get('db') === database && !/[MS]/.test(client.get('flags') ?? ''),
  );
  return new Set(others.map((client) => client.get('addr') ?? ''));
}

function fieldsOf(line: string): ReadonlyMap<string, string> {
  return new Map(
    line.split(' ').map((field): [string, string] => {
      const at = field.indexOf('=');
      return [field.slice(0, at), field.slice(at + 1)];
    }),
  );
}
