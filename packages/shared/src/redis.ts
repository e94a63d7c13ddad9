/**
 * Redis connections, and what a Redis must be before a live vote may depend on it. With run-worker.ts the only place of this
 * package that imports BullMQ.
 */
import { FlowProducer } from 'bullmq';
import type { Redis } from 'ioredis';
import { answerLimit } from './answer-limit.ts';
import { QuorumError } from './errors.ts';
import type { Logger } from './log.ts';
import { openRedis } from './redis-cluster.ts';
import { BULL_PREFIX } from './redis-keys.ts';

const SECOND_MS = 1_000;

/**
 * A connection for workers and their records: it waits for a Redis that is away instead of failing, since a job that waits is
 * better than a job that fails.
 */
export function connectPatient(url: string, log: Logger): Redis {
  const redis = openRedis(url, { maxRetriesPerRequest: null, retryStrategy: backoff });
  gatherWrites(redis);
  return withListeners(redis, log);
}

/** A connection for answering requests: a Redis that is away is an error within `limitMs` (see `answerLimit`), never a hang. */
export function connectFailFast(url: string, log: Logger, limitMs: () => number = () => 0.8 * SECOND_MS): Redis {
  const redis = openRedis(url, {
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    connectTimeout: 2 * SECOND_MS,
    retryStrategy: backoff,
  });
  gatherWrites(redis);
  limitAnswers(redis, limitMs);
  return withListeners(redis, log);
}

/** In the place of the client's own `commandTimeout`, whose timer took an event loop of ours that stood still for a silent Redis. */
function limitAnswers(redis: Redis, limitMs: () => number): void {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...args: Parameters<typeof send>): unknown => {
    const [command] = args;
    const answer = send(...args);
    if (command.isSettled) return answer;
    const stop = answerLimit(limitMs(), () => command.reject(new Error('Command timed out')));
    command.promise.then(stop, stop);
    return answer;
  };
}

/**
 * What is asked in one turn of the event loop goes out together: a system call for each command costs more than the command, and what
 * Redis takes together it syncs once.
 * Commands go in their order, and none waits for longer than the turn; what is asked at its very end, by `setImmediate`, goes with the next.
 */
function gatherWrites(redis: Redis): void {
  const send = redis.sendCommand.bind(redis);
  let gathers = false;
  redis.sendCommand = (...args: Parameters<typeof send>): unknown => {
    if (!gathers && redis.status === 'ready') {
      gathers = true;
      // The connection may be another by then.
      const { stream } = redis;
      stream.cork();
      setImmediate(() => {
        gathers = false;
        stream.uncork();
      });
    }
    return send(...args);
  };
}

/** A producer of job trees on this connection, with the listener without which an error would end the process. */
export function createFlowProducer(connection: Redis, log: Logger): FlowProducer {
  const flow = new FlowProducer({ connection, prefix: BULL_PREFIX });
  flow.on('error', (error: unknown) => log.error({ err: error }, 'flow producer error'));
  return flow;
}

/** Settles once the first attempt to connect has come to an end, one way or the other; after ten seconds at the latest. */
export async function firstAttempt(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, 10 * SECOND_MS);
  redis.once('ready', resolve).once('close', resolve);
  await promise;
  clearTimeout(late);
  redis.off('ready', resolve).off('close', resolve);
}

function backoff(attempt: number): number {
  return Math.min(2 * SECOND_MS, 50 * 2 ** Math.min(attempt, 10));
}

function withListeners(redis: Redis, log: Logger): Redis {
  let down = false;
  redis.on('error', (error: unknown) => {
    // One line an outage, not one an attempt.
    if (!down) log.error({ err: error }, 'redis connection lost');
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('redis connection restored');
    down = false;
  });
  return redis;
}

export type RedisFault = { readonly what: string; readonly remedy: string };

/** What a Redis that must not forget an acknowledged write is set to; `null`: to anything but nothing. */
const DURABLE = [
  { setting: 'maxmemory-policy', is: 'noeviction', what: 'maxmemory-policy is not noeviction' },
  { setting: 'appendonly', is: 'yes', what: 'appendonly is not yes' },
  { setting: 'appendfsync', is: 'always', what: 'appendfsync is not always' },
  { setting: 'requirepass', is: null, what: 'it asks for no password' },
] as const;

/** What is wrong with the settings of a Redis that must not forget an acknowledged write. Empty: nothing. */
export async function redisFaults(redis: Redis): Promise<RedisFault[]> {
  const faults: RedisFault[] = [];
  try {
    for (const { setting, is, what } of DURABLE) {
      const reply: unknown = await redis.config('GET', setting);
      const value = Array.isArray(reply) ? String(reply[1] ?? '') : '';
      if (is === null ? value !== '' : value === is) continue;
      faults.push({ what, remedy: `Set  ${setting} ${is ?? 'A-LONG-PASSWORD'}  in its redis.conf, and restart it.` });
    }
  } catch {
    // Managed services forbid CONFIG: what cannot be seen cannot be relied on.
    faults.push({
      what: 'its settings cannot be read (CONFIG GET was refused)',
      remedy: `See that it has ${DURABLE.map(({ setting, is }) => `${setting} ${is ?? ''}`.trim()).join(', ')}.`,
    });
  }
  if (await isOfCluster(redis)) faults.push(CLUSTER_FAULT);
  return faults;
}

/** Whether a Redis is a node of a cluster. */
export async function isOfCluster(redis: Redis): Promise<boolean> {
  return /^cluster_enabled:1/m.test(await redis.info('cluster'));
}

/** A replica takes the place of its node without what had not reached it. No setting of Redis waits for that. */
const CLUSTER_FAULT: RedisFault = {
  what: 'a failover of its cluster may forget acknowledged writes',
  remedy: 'Nothing in Redis prevents it; docs/operations/scaling.md says what a vote is protected by then.',
};

/**
 * Refuses to vote live on a Redis that may forget. Off the live Snapshot, or where the operator allows it, the faults are
 * warned of.
 */
export async function requireDurableRedis(
  redis: Redis,
  options: { live: boolean; allowLossy: boolean; log: Logger },
): Promise<void> {
  const faults = (await redisFaults(redis)).map(({ what }) => what);
  if (faults.length === 0) return;
  if (options.live && !options.allowLossy) {
    throw new QuorumError(
      'validation',
      `This Redis may lose votes: ${faults.join('; ')}. Mend its settings, or set ALLOW_LOSSY_REDIS=1 to accept the risk.`,
    );
  }
  options.log.warn({ faults }, 'redis may lose acknowledged writes');
}
