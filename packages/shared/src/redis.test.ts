import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { FlowProducer } from 'bullmq';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { standStill } from '../../../test/stand-still.ts';
import { listeningLogger, quiet } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { connectFailFast, connectPatient, createFlowProducer, redisFaults, requireDurableRedis } from './redis.ts';

describe('a Redis that keeps what it acknowledged', () => {
  const { redis } = useRedis({ appendonly: true, password: 'pass word' });

  it('has no fault, live or not', async () => {
    expect(await redisFaults(redis())).toEqual([]);
    const { log, lines } = listeningLogger();
    await requireDurableRedis(redis(), { live: true, allowLossy: false, log });
    expect(lines).toEqual([]);
  });

  it.for([
    ['appendfsync', 'everysec', 'appendfsync is not always'],
    ['maxmemory-policy', 'allkeys-lru', 'maxmemory-policy is not noeviction'],
    ['appendonly', 'no', 'appendonly is not yes'],
  ] as const)('has one once %s is %s', async ([name, value, fault]) => {
    const [, before] = texts(await redis().config('GET', name));
    await redis().config('SET', name, value);
    try {
      expect(await redisFaults(redis())).toMatchObject([{ what: fault }]);
    } finally {
      await redis().config('SET', name, before ?? '');
    }
  });

  it('cannot be relied on where its settings cannot be read', async () => {
    await redis().call('ACL', 'SETUSER', 'guest', 'on', '>guest', '~*', '+@all', '-config');
    const guest = redis().duplicate({ username: 'guest', password: 'guest' });
    try {
      expect(await redisFaults(guest)).toMatchObject([
        { what: 'its settings cannot be read (CONFIG GET was refused)' },
      ]);
    } finally {
      guest.disconnect();
    }
  });
});

describe('a Redis that may forget', () => {
  const { redis } = useRedis();

  it('is named with its faults', async () => {
    expect(await redisFaults(redis())).toEqual([
      { what: 'appendonly is not yes', remedy: expect.stringContaining('appendonly yes') },
      { what: 'it asks for no password', remedy: expect.stringContaining('requirepass') },
    ]);
  });

  it('is refused for live votes, with both ways out', async () => {
    const refused = requireDurableRedis(redis(), { live: true, allowLossy: false, log: quiet });
    await expect(refused).rejects.toMatchObject({ category: 'validation' });
    await expect(refused).rejects.toThrow(/appendonly is not yes.*Mend its settings.*ALLOW_LOSSY_REDIS=1/s);
  });

  it.for([
    { live: true, allowLossy: true },
    { live: false, allowLossy: false },
  ])('is warned of, and taken, where %j', async (options) => {
    const { log, lines } = listeningLogger();
    await requireDurableRedis(redis(), { ...options, log });
    expect(lines).toMatchObject([{ level: 40, faults: ['appendonly is not yes', 'it asks for no password'] }]);
  });
});

/** Whoever does not fail fast waits until Redis is back, which here it is not until the answer is there. */
const IN_TIME_MS = 20_000;

describe('a Redis that goes away', () => {
  let server: TestRedis;
  beforeAll(async () => {
    server = await startTestRedis({ appendonly: true });
  });
  afterAll(() => server.stop());

  it('is waited for by a patient connection, and told of once an outage', async () => {
    const { log, lines } = listeningLogger();
    const redis = connectPatient(server.url, log);
    await redis.set('{quorum}:kept', 'yes');
    await server.kill9();
    const asked = redis.get('{quorum}:kept');
    await server.restart();
    expect(await asked).toBe('yes');
    redis.disconnect();
    const told = lines.map(({ msg }) => msg);
    expect(told.filter((msg) => msg === 'redis connection lost').length).toBeLessThanOrEqual(1);
    expect(told.filter((msg) => msg === 'redis connection restored').length).toBeLessThanOrEqual(1);
  });

  it('is an error in time on a fail-fast one, which comes back by itself', async () => {
    const redis = connectFailFast(server.url, quiet);
    await new Promise((resolve) => redis.once('ready', resolve));
    await redis.set('{quorum}:kept', 'yes');
    await server.kill9();
    const began = performance.now();
    await expect(redis.get('{quorum}:kept')).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(IN_TIME_MS);
    const back = new Promise((resolve) => redis.once('ready', resolve));
    await server.restart();
    await back;
    expect(await redis.get('{quorum}:kept')).toBe('yes');
    redis.disconnect();
  });

  it('is an error in time where it was never there', async () => {
    await server.kill9();
    const redis = connectFailFast(server.url, quiet);
    const began = performance.now();
    await expect(redis.ping()).rejects.toThrow();
    expect(performance.now() - began).toBeLessThan(IN_TIME_MS);
    const ready = new Promise((resolve) => redis.once('ready', resolve));
    await server.restart();
    await ready;
    expect(await redis.ping()).toBe('PONG');
    redis.disconnect();
  });

  it('does not end the process of a flow producer', async () => {
    const { log, lines } = listeningLogger();
    const connection = connectPatient(server.url, quiet);
    const flow = createFlowProducer(connection, log);
    expect(flow).toBeInstanceOf(FlowProducer);
    flow.emit('error', new Error('gone'));
    expect(lines).toMatchObject([{ msg: 'flow producer error', err: { message: 'gone' } }]);
    await flow.close();
    connection.disconnect();
  });
});

function texts(reply: unknown): string[] {
  return Array.isArray(reply) ? reply.map(String) : [];
}

describe('a connection that answers requests', () => {
  const { server } = useRedis();
  const LIMIT_MS = 500;

  /** Asks, and has the event loop stand still for longer than an answer may take: before the command leaves, or after. */
  async function askAround(
    still: 'not at all' | 'before it leaves' | 'after',
    ask: (redis: Redis) => Promise<unknown>,
  ) {
    const redis = connectFailFast(server().url, quiet, () => LIMIT_MS);
    await once(redis, 'ready');
    const answer = ask(redis).finally(() => redis.disconnect());
    // Commands leave at the end of a turn, and this comes after it.
    if (still === 'after') await setImmediate();
    if (still !== 'not at all') standStill(2 * LIMIT_MS);
    return answer;
  }

  it.for(['before it leaves', 'after'] as const)(
    'does not take a loop that stood still for silence: %s',
    async (still) => {
      const [one, two] = [`one ${still}`, `two ${still}`];
      const ask = (redis: Redis) => Promise.all([redis.incr(one), redis.multi().incr(two).incr(two).exec()]);
      expect(await askAround(still, ask)).toEqual([
        1,
        [
          [null, 1],
          [null, 2],
        ],
      ]);
    },
  );

  it.for(['not at all', 'before it leaves', 'after'] as const)(
    'takes silence for silence, stood still: %s',
    async (still) => {
      await expect(askAround(still, (redis) => redis.blpop('nothing', 0))).rejects.toThrow('Command timed out');
    },
  );
});

describe('what is asked in one turn', () => {
  const { server } = useRedis();
  const TWENTY = Array.from({ length: 20 }, (_, at) => at + 1);

  it.for([
    ['a patient connection', connectPatient],
    ['one that answers requests', (url: string) => connectFailFast(url, quiet, () => 10_000)],
  ] as const)('goes out together, in its order, by %s', async ([name, connect]) => {
    const redis = connect(server().url, quiet);
    await once(redis, 'ready');
    const answers = TWENTY.map(() => redis.incr(name));
    expect(redis.stream.writableCorked).toBe(1);
    expect(await Promise.all(answers)).toEqual(TWENTY);
    expect(redis.stream.writableCorked).toBe(0);
    redis.disconnect();
  });

  it('goes out once, in its order, where a patient connection is lost before it did', async () => {
    const redis = connectPatient(server().url, quiet);
    await once(redis, 'ready');
    const answers = TWENTY.map(() => redis.incr('lost'));
    redis.stream.destroy();
    expect(await Promise.all(answers)).toEqual(TWENTY);
    expect(await redis.get('lost')).toBe('20');
    redis.disconnect();
  });
});
