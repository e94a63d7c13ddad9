/**
 * What every command of the operator's stands on: the settings as `npm start` reads them, the secrets folder, the Redis of the
 * Quorum that runs. It works on the same data as the services, so also in one of compose's containers:
 *
 *     docker compose exec gateway node scripts/keys.ts list
 *
 * There QUORUM_SECRETS_DIR says where the secrets are, and REDIS_URL with REDIS_PASSWORD_FILE which Redis it is.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { readSecretFile } from '@quorum/shared/secret-file';
import type { Redis } from 'ioredis';
import { connectRedis, namedRedis } from './connect-redis.ts';
import { ROOT } from './root.ts';
import { findRunningRedis } from './redis-server.ts';
import { SECRETS } from './secrets.ts';
import { merged, readSources } from './settings-file.ts';
import { isLiveRun, readCommonSettings, type CommonSettings } from './start-settings.ts';

/** A command cannot do what it was asked for. The message says what to do. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
}

export interface Operator {
  readonly settings: CommonSettings;
  readonly env: NodeJS.ProcessEnv;
  /** Whether a vote would be a real one. */
  readonly live: boolean;
  /** The folder with one folder of secrets per service. */
  readonly secrets: string;
}

/** Reads `.env` and the environment. Throws a `SettingsError` that names what is wrong. */
export function readOperator(): Operator {
  return operatorOf(merged(readSources(process.env, ROOT)));
}

export function operatorOf(env: NodeJS.ProcessEnv): Operator {
  const settings = readCommonSettings(env, path.resolve(ROOT, env['QUORUM_DATA_DIR'] || '.data'));
  const given = env['QUORUM_SECRETS_DIR'];
  const secrets = given ? path.resolve(ROOT, given) : settings.folders.secrets;
  return { settings, env, live: isLiveRun(settings), secrets };
}

/** Does something with the Redis of the Quorum that runs, and closes the connection. Throws an `OperatorError` if it is away. */
export async function withRedis<T>(operator: Operator, work: (redis: Redis) => Promise<T>): Promise<T> {
  const url = await redisUrlOf(operator);
  const redis = await connectRedis(url).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new OperatorError(
      `The Redis at ${new URL(url).host} is of no use: ${why}\n→ Start it, or mend REDIS_URL and REDIS_PASSWORD_FILE.`,
    );
  });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** The Redis of REDIS_URL, or the private one of a running `npm start`. */
async function redisUrlOf({ settings, env, secrets }: Operator): Promise<string> {
  const named = namedRedis(settings, env);
  if (named !== undefined) return named;
  const dir = settings.folders.redis;
  const passwordFile = path.join(secrets, SECRETS.redisPassword);
  const password = existsSync(passwordFile) ? readSecretFile(passwordFile) : undefined;
  const running = password === undefined ? undefined : await findRunningRedis({ dir, password });
  if (running !== undefined) return running.url;
  throw new OperatorError(
    `Quorum is not running, and this needs its Redis (none runs on ${dir}).\n→ In another terminal: npm start`,
  );
}

/** Runs a command to its exit code: 0, or 1 with the error on stderr in words. */
export async function runCommand(command: (args: readonly string[]) => Promise<void>): Promise<void> {
  try {
    await command(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`✗ ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
