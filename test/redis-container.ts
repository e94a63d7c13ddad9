/**
 * The Redis of a test in a container: what `test/redis.ts` hands out where a container engine is reachable. It is published on loopback
 * alone. Whatever ends the tests before their time, testcontainers takes it away.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
  type WaitStrategy,
} from 'testcontainers';
import type { TestRedis, TestRedisOptions } from './redis-contract.ts';
import { lastingPort } from './redis-port.ts';

/** The one that docker-compose.yml runs. */
const IMAGE = 'redis:7';
const REDIS_PORT = 6379;
/** Of the first start on a machine: the image is pulled. */
const STARTS_WITHIN_MS = 120_000;
const TRIES = 5;
const ANSWERS_WITHIN_MS = 1_000;
const LOOKS_EVERY_MS = 25;

/** By itself testcontainers publishes on every address of the machine, and most of these have no password. */
class RedisOnLoopback extends GenericContainer {
  constructor(port: number) {
    super(IMAGE);
    this.withExposedPorts({ container: REDIS_PORT, host: port });
    this.hostConfig.PortBindings = { [`${REDIS_PORT}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: String(port) }] };
  }
}

export async function startRedisContainer(options: TestRedisOptions = {}): Promise<TestRedis> {
  const { container, url } = await startOnFreePort(options);
  const kill9 = async (): Promise<void> => {
    const client = await getContainerRuntimeClient();
    const handle = client.container.getById(container.getId());
    if (!(await client.container.inspect(handle)).State.Running) return;
    await handle.kill();
    await handle.wait();
  };
  return {
    url,
    kill9,
    async restart() {
      await kill9();
      await container.restart();
    },
    async stop() {
      await container.stop();
    },
  };
}

/** A port that somebody takes in between is replaced by another. */
async function startOnFreePort(
  options: TestRedisOptions,
): Promise<{ readonly container: StartedTestContainer; readonly url: string }> {
  const login = options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`;
  for (let attempt = 1; ; attempt += 1) {
    // Chosen here and not by the engine, which gives another at each start: a client must find the restarted one again.
    const port = await lastingPort();
    const url = `redis://${login}127.0.0.1:${port}`;
    try {
      const container = await new RedisOnLoopback(port)
        .withCommand(commandOf(options))
        .withWaitStrategy(answersAt(url))
        .start();
      return { container, url };
    } catch (error) {
      const isTaken = error instanceof Error && /address already in use|port is already allocated/.test(error.message);
      if (!isTaken || attempt === TRIES) throw error;
    }
  }
}

/**
 * Waits until it answers at its URL. A line in its log is no such sign: the engine notes when a container started once it runs, so a Redis
 * that is quick has said that it is ready before that, and whoever reads the log from then on waits in vain, for two minutes.
 */
function answersAt(url: string): WaitStrategy {
  const strategy: WaitStrategy = {
    async waitUntilReady() {
      const deadline = Date.now() + STARTS_WITHIN_MS;
      while (!(await answers(url))) {
        if (Date.now() > deadline) throw new Error(`The Redis of the container does not answer at ${url}`);
        await pause(LOOKS_EVERY_MS);
      }
    },
    withStartupTimeout: () => strategy,
    isStartupTimeoutSet: () => true,
    getStartupTimeout: () => STARTS_WITHIN_MS,
  };
  return strategy;
}

async function answers(url: string): Promise<boolean> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: ANSWERS_WITHIN_MS,
    // The engine takes connections for a container that does not listen yet.
    commandTimeout: ANSWERS_WITHIN_MS,
    maxRetriesPerRequest: 0,
  });
  redis.on('error', () => {}); // the answer below says it
  try {
    return (await redis.ping()) === 'PONG';
  } catch {
    return false; // not yet there, or it still reads what it kept
  } finally {
    redis.disconnect();
  }
}

/** As `redis-server.ts` has it, but for the address: within its own network it must listen to the engine. */
function commandOf({ appendonly = false, password }: TestRedisOptions): string[] {
  const settings = {
    save: '',
    appendonly: appendonly ? 'yes' : 'no',
    appendfsync: 'always',
    'maxmemory-policy': 'noeviction',
    'stream-node-max-bytes': '1024',
    'protected-mode': 'no',
    ...(password === undefined ? {} : { requirepass: password }),
  };
  return ['redis-server', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])];
}
