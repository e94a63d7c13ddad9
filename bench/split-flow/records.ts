/**
 * What a run of ours keeps, as plainly as it can be kept: where ours goes to Redis for a record, the split flow goes there too, for about
 * as many letters, by plain commands. Nothing is made of what is read. The settings that a run pins, the listing that is kept for others
 * and the archive on the disk are left out; and it does not send together all that ours sends together.
 */
import { Redis } from 'ioredis';

/** In characters, as a dry run of three proposals was seen to write them; where there are three, the mean of them. */
const LETTERS = {
  request: 190,
  started: 240,
  lease: 36,
  opening: 2_518,
  text: 1_573,
  deciding: 84,
  held: 140,
  spent: 72,
  evidence: 2_754,
  answers: 157,
  decision: 3_140,
  outcome: 93,
  response: 4_448,
  power: 3,
} as const;
const KEPT_S = 60 * 60;

/** The records of runs, on a connection of their own as ours are on that of the queues. */
export function splitRecords(url: string, tell: (error: Error) => void) {
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  redis.on('error', tell);
  const keyOf = (run: string): string => `split:run:${run}`;
  const words = (what: keyof typeof LETTERS): string => 'x'.repeat(LETTERS[what]);

  /** Keeps a field of the run, and tells of it; `beside`: keys of their own. One trip, one sync. */
  async function keep(
    run: string,
    what: keyof typeof LETTERS,
    name = '',
    beside: readonly (keyof typeof LETTERS)[] = [],
  ) {
    const trip = redis.pipeline().hset(keyOf(run), `${what}:${name}`, words(what));
    trip.xadd(`${keyOf(run)}:events`, 'MAXLEN', 256, '*', 'kind', what, 'data', name);
    for (const [at, other] of beside.entries())
      trip.set(`${keyOf(run)}:${name}${other}${at}`, words(other), 'EX', KEPT_S);
    await trip.exec();
  }

  const read = (run: string): Promise<unknown> => redis.hgetall(keyOf(run));
  const look = (what: string): Promise<unknown> => redis.pttl(`split:gate:${what}`);

  return {
    accepted: (run: string) => keep(run, 'request'),
    /** Begun, the signer read, the list's lease taken, the power on each of three kept, and four looks at the hub's gate, of which one is no wait. */
    async opening(run: string) {
      await Promise.all([keep(run, 'started'), read(run)]);
      await Promise.all([
        redis.hmget('split:signers', run, `${run}:alias-end`),
        redis.set(`${keyOf(run)}:lease`, words('lease'), 'EX', KEPT_S),
      ]);
      await look('hub');
      await look('hub');
      const powers = [1, 2, 3].map((nth) => `${keyOf(run)}:power:${nth}`);
      await Promise.all([...powers.map((key) => redis.get(key)), look('hub')]);
      await look('hub');
      // Nobody waits until they are kept.
      for (const key of powers) redis.set(key, words('power'), 'EX', KEPT_S).catch(tell);
    },
    opened: (run: string) => keep(run, 'opening', '', ['text', 'text', 'text']),
    /** Read, earlier answers looked for, told of and paid for, and two looks at the model's gate. */
    async deciding(run: string, proposal: string) {
      await read(run);
      await redis.get(`${keyOf(run)}:${proposal}:earlier`);
      await Promise.all([keep(run, 'deciding', proposal), keep(run, 'held', proposal), look('model')]);
      await look('model');
    },
    async decided(run: string, proposal: string) {
      await keep(run, 'spent', proposal);
      await redis
        .pipeline()
        .set(`${keyOf(run)}:${proposal}:evidence`, words('evidence'), 'EX', KEPT_S)
        .set(`${keyOf(run)}:${proposal}:answers`, words('answers'), 'EX', KEPT_S)
        .exec();
      await keep(run, 'decision', proposal);
    },
    async settled(run: string, proposal: string) {
      await read(run);
      await keep(run, 'outcome', proposal);
    },
    /** Read twice, for itself and for the texts, and ended. */
    async ended(run: string) {
      await read(run);
      await read(run);
      await keep(run, 'response');
    },
    told: read,
    close: () => redis.disconnect(),
  };
}
