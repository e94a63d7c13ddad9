import type { SpaceId } from '@quorum/snapshot/proposal';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { anAddress, aProposalId, aSpace, listeningLogger, quiet } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import { createHubCache, type HubCache } from './hub-cache.ts';
import { upstreamId, type UpstreamId } from './ids.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const upstream = upstreamId('https://hub.example/graphql', undefined);
const schema = z.array(z.string());
/** Never gives up; the test's own time bounds it. */
const patience = new AbortController().signal;

/** A cache as a process of its own has it. */
const aProcess = (given: { log?: typeof quiet; upstream?: UpstreamId } = {}): HubCache<string[]> =>
  createHubCache({ redis: redis(), upstream, schema, log: quiet, ...given });

let spaces = 0;
const someSpace = (): SpaceId => aSpace(`s${(spaces += 1)}.eth`);

/** A reading that ends when it is told to, and counts how often it was begun. */
function aReading(...ends: (string[] | Error)[]) {
  const begun: AbortSignal[] = [];
  const go = Promise.withResolvers<void>();
  const read = async (signal: AbortSignal): Promise<string[]> => {
    begun.push(signal);
    const end = ends[Math.min(begun.length, ends.length) - 1] ?? [];
    await go.promise;
    if (end instanceof Error) throw end;
    return end;
  };
  return { begun, read, go: () => go.resolve() };
}

describe('the list of a space', () => {
  it('is read once by twenty who ask at once, in one process or in twenty', async () => {
    for (const processes of [1, 20]) {
      const [space, reading] = [someSpace(), aReading(['a', 'b'])];
      const caches = Array.from({ length: processes }, () => aProcess());
      const lists = Array.from({ length: 20 }, (_, at) =>
        (caches[at % processes] ?? aProcess()).list(space, reading.read, patience),
      );
      await vi.waitUntil(() => reading.begun.length > 0, PATIENT);
      reading.go();
      expect(await Promise.all(lists)).toEqual(Array.from({ length: 20 }, () => ['a', 'b']));
      expect(reading.begun).toHaveLength(1);
    }
  });

  it('is kept for three seconds and no longer, compressed', async () => {
    const [space, reading] = [someSpace(), aReading(['a'.repeat(10_000)])];
    reading.go();
    await aProcess().list(space, reading.read, patience);
    const key = keys.listing(upstream, space);
    const left = await redis().pttl(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(3_000);
    expect(await redis().strlen(key)).toBeLessThan(1_000);
    await aProcess().list(space, reading.read, patience);
    expect(reading.begun).toHaveLength(1);
    await redis().del(key);
    await aProcess().list(space, reading.read, patience);
    expect(reading.begun).toHaveLength(2);
  });

  it('belongs to one space of one upstream', async () => {
    const [space, reading] = [someSpace(), aReading(['a'])];
    reading.go();
    await aProcess().list(space, reading.read, patience);
    await aProcess().list(someSpace(), reading.read, patience);
    await aProcess({ upstream: upstreamId('https://other.example', undefined) }).list(space, reading.read, patience);
    expect(reading.begun).toHaveLength(3);
  });

  it('is read by the next in another process where the first one fails', async () => {
    const [space, failing, working] = [someSpace(), aReading(new Error('the hub is ill')), aReading(['a'])];
    const first = aProcess().list(space, failing.read, patience);
    await vi.waitUntil(() => failing.begun.length === 1, PATIENT);
    const second = aProcess().list(space, working.read, patience);
    working.go();
    failing.go();
    await expect(first).rejects.toThrow('the hub is ill');
    expect(await second).toEqual(['a']);
    expect([failing.begun.length, working.begun.length]).toEqual([1, 1]);
  });

  it('is not kept where it could not be read: who asks next asks the hub', async () => {
    const [space, reading] = [someSpace(), aReading(new Error('the hub is ill'), ['a'])];
    reading.go();
    const cache = aProcess();
    await expect(cache.list(space, reading.read, patience)).rejects.toThrow('the hub is ill');
    expect(await cache.list(space, reading.read, patience)).toEqual(['a']);
  });

  it('is read by another where the first one vanished, and what it held is not let go by a stranger', async () => {
    const [space, reading] = [someSpace(), aReading(['a'])];
    const lease = keys.reading(upstream, space);
    await redis().set(lease, 'of a process that is gone', 'PX', 300);
    const waiting = aProcess().list(space, reading.read, patience);
    await vi.waitUntil(() => reading.begun.length === 1, PATIENT);
    // Taken for gone itself: by now somebody else reads.
    await redis().set(lease, 'of the next one');
    reading.go();
    expect(await waiting).toEqual(['a']);
    expect(await redis().get(lease)).toBe('of the next one');
  });

  it('is not read a second time while a long reading is under way', async () => {
    const [space, slow, other] = [someSpace(), aReading(['a']), aReading(['b'])];
    const first = aProcess().list(space, slow.read, patience);
    await vi.waitUntil(() => slow.begun.length === 1, PATIENT);
    const lease = keys.reading(upstream, space);
    await redis().pexpire(lease, 3_000);
    const second = aProcess().list(space, other.read, patience);
    // Renewed by its holder, or it would only fall.
    await vi.waitUntil(async () => (await redis().pttl(lease)) > 3_500, PATIENT);
    slow.go();
    expect(await Promise.all([first, second])).toEqual([['a'], ['a']]);
    expect(other.begun).toEqual([]);
  });

  it('goes on for the rest where one gives up, and ends where all do', async () => {
    const [space, reading] = [someSpace(), aReading(['a'])];
    const [cache, impatient] = [aProcess(), new AbortController()];
    const lists = [cache.list(space, reading.read, impatient.signal), cache.list(space, reading.read, patience)];
    await vi.waitUntil(() => reading.begun.length === 1, PATIENT);
    impatient.abort(new Error('cancelled'));
    await expect(lists[0]).rejects.toThrow('cancelled');
    expect(reading.begun[0]?.aborted).toBe(false);
    reading.go();
    expect(await lists[1]).toEqual(['a']);

    const [last, another] = [new AbortController(), aReading()];
    const alone = cache.list(someSpace(), another.read, last.signal);
    await vi.waitUntil(() => another.begun.length === 1, PATIENT);
    last.abort(new Error('cancelled'));
    await expect(alone).rejects.toThrow('cancelled');
    expect(another.begun[0]?.aborted).toBe(true);
    another.go();
    await expect(cache.list(space, another.read, last.signal)).rejects.toThrow('cancelled');
  });

  it('that another version left there and that does not fit is read anew, and a warning says so', async () => {
    const { log, lines } = listeningLogger();
    const [space, reading] = [someSpace(), aReading(['a'])];
    reading.go();
    await redis().set(keys.listing(upstream, space), 'no gzip');
    expect(await aProcess({ log }).list(space, reading.read, patience)).toEqual(['a']);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'kept list cannot be used', space_id: space }));
  });
});

describe('voting power', () => {
  it('is kept per voter and proposal for ten minutes; none is an answer too', async () => {
    const [voter, proposal, cache] = [anAddress(), aProposalId(), aProcess()];
    expect(await cache.power(voter, proposal)).toBeNull();
    for (const power of [0, 0.5, 1e21]) {
      cache.keepPower(voter, proposal, power);
      expect(await aProcess().power(voter, proposal)).toBe(power);
    }
    expect(await cache.power(anAddress(), proposal)).toBeNull();
    expect(await cache.power(voter, aProposalId())).toBeNull();
    const left = await redis().pttl(keys.power(upstream, voter, proposal));
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(600_000);
  });

  it('that cannot be kept is only told: whoever has read it goes on', async () => {
    const { log, lines } = listeningLogger();
    const closed = redis().duplicate();
    closed.disconnect();
    const [proposal, cache] = [aProposalId(), createHubCache({ redis: closed, upstream, schema, log })];
    cache.keepPower(anAddress(), proposal, 7);
    await vi.waitUntil(() => lines.length > 0, PATIENT);
    expect(lines).toMatchObject([{ msg: 'voting power not kept', proposal_id: proposal }]);
  });
});

it('which strategies take power back is kept for an hour, none of them too', async () => {
  const cache = aProcess();
  for (const names of [new Set(['delegation', 'split-delegation']), new Set<string>()]) {
    await cache.keepOverriding(names);
    expect(await aProcess().overriding()).toEqual(names);
  }
  const left = await redis().pttl(keys.overriding(upstream));
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThanOrEqual(3_600_000);
  await redis().del(keys.overriding(upstream));
  expect(await cache.overriding()).toBeNull();
});
