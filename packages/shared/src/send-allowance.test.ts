import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { useRedis } from '../test/world.ts';
import { upstreamId, type UpstreamId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { createSendAllowance } from './send-allowance.ts';

const { redis } = useRedis();

let upstreams = 0;
const anUpstream = (): UpstreamId => upstreamId(`https://seq${(upstreams += 1)}.example/`, undefined);
/** Longer than any turn here is away. */
const PATIENT_MS = 60 * 60_000;

function allowanceOf(upstream: UpstreamId, perMinute: number) {
  const { take, look, pause } = createSendAllowance(redis(), upstream, () => perMinute);
  return {
    take: async () => (await take(PATIENT_MS)).waitMs,
    look: async () => (await look(PATIENT_MS)).waitMs,
    pause,
    turns: (count: number, patienceMs: number) => Promise.all(Array.from({ length: count }, () => take(patienceMs))),
  };
}

/** Lets time pass for this allowance: what was taken is that much longer ago. */
async function pass(upstream: UpstreamId, ms: number): Promise<void> {
  const kept = await redis().get(keys.sends(upstream));
  const earlier = kept?.split(' ').map((time) => String(Number(time) - ms));
  if (earlier !== undefined) await redis().set(keys.sends(upstream), earlier.join(' '));
}

describe('an allowance of sends', () => {
  it('lets a quarter go at once and then says how long there is nothing', async () => {
    // Another one comes every five seconds: a machine that stands still for a moment is given none.
    const allowance = allowanceOf(anUpstream(), 16);
    const waits = await Promise.all(Array.from({ length: 30 }, () => allowance.take()));
    expect(waits.filter((ms) => ms === 0)).toHaveLength(4);
    for (const ms of waits.filter((wait) => wait > 0)) expect(ms).toBeLessThanOrEqual(5_000);
  });

  it('takes nothing by looking', async () => {
    const allowance = allowanceOf(anUpstream(), 4);
    expect(await Promise.all([allowance.look(), allowance.look(), allowance.look()])).toEqual([0, 0, 0]);
    expect(await allowance.take()).toBe(0);
    expect(await allowance.look()).toBeGreaterThan(0);
  });

  it('is one for all who send to the same upstream, and another for another', async () => {
    const upstream = anUpstream();
    expect(await allowanceOf(upstream, 1).take()).toBe(0);
    expect(await allowanceOf(upstream, 1).take()).toBeGreaterThan(30_000);
    expect(await allowanceOf(anUpstream(), 1).take()).toBe(0);
  });

  it('is whole again once its key is gone, which takes no longer than what was taken', async () => {
    const upstream = anUpstream();
    const allowance = allowanceOf(upstream, 60);
    await allowance.take();
    expect(await redis().pttl(keys.sends(upstream))).toBeLessThanOrEqual(3_000);
  });

  it('gives nothing while the upstream wants a pause, a minute at most, and tells everybody', async () => {
    const upstream = anUpstream();
    expect(await allowanceOf(upstream, 80).pause(30)).toBe(30_000);
    const wait = await allowanceOf(upstream, 80).take();
    expect(wait).toBeGreaterThan(10_000);
    expect(wait).toBeLessThanOrEqual(30_000);
    expect(await allowanceOf(upstream, 80).pause(3_600)).toBe(60_000);
  });

  it('gives each that comes in vain a turn, one after the other, each when a send comes back', async () => {
    const began = performance.now();
    const given = await allowanceOf(anUpstream(), 16).turns(30, PATIENT_MS);
    const tookMs = performance.now() - began;
    const turns = given.flatMap(({ waitMs, turnMs }) => (waitMs > 0 && turnMs !== null ? [turnMs] : []));
    expect(turns).toHaveLength(26);
    const [first] = given.filter(({ waitMs }) => waitMs > 0);
    expect((first?.turnMs ?? 0) - (first?.waitMs ?? 0)).toBe(5);
    for (const [nth, turn] of turns.entries()) {
      const before = nth === 0 ? turn - 5_000 : (turns[nth - 1] ?? 0);
      // By the clock of Redis, which runs on between two answers.
      expect(turn - before).toBeGreaterThanOrEqual(5_000 - tookMs - 2);
      expect(turn - before).toBeLessThanOrEqual(5_000 + 2);
    }
  });

  it('gives no turn to who would not wait for it, and keeps none for them', async () => {
    const allowance = allowanceOf(anUpstream(), 16);
    const given = await allowance.turns(9, 6_000);
    const inVain = given.filter(({ waitMs }) => waitMs > 0);
    expect(inVain.map(({ turnMs }) => turnMs === null)).toEqual([false, true, true, true, true]);
    const [next] = await allowance.turns(1, PATIENT_MS);
    expect(next?.turnMs).toBeGreaterThan(5_000);
    expect(next?.turnMs).toBeLessThanOrEqual(10_005);
  });

  it('has a send for each that comes at its turn', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 8, max: 40 }), fc.integer({ min: 15, max: 60 }), async (perMinute, count) => {
        const upstream = anUpstream();
        const allowance = allowanceOf(upstream, perMinute);
        const given = await allowance.turns(count, PATIENT_MS);
        const turns = given.flatMap(({ waitMs, turnMs }) => (waitMs > 0 && turnMs !== null ? [turnMs] : []));
        // Ten at once at most.
        expect(turns.length).toBeGreaterThan(0);
        let nowMs = 0;
        for (const turn of turns) {
          await pass(upstream, turn - nowMs);
          nowMs = turn;
          expect(await allowance.take()).toBe(0);
        }
      }),
      { numRuns: 30 },
    ));

  it('never gives more than the rate in any minute, and gives the whole of it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 5, maxLength: 40 }),
        async (perMinute, pauses) => {
          const upstream = anUpstream();
          const allowance = allowanceOf(upstream, perMinute);
          // Between which two moments, by the clock that runs on while this does.
          const taken: { readonly after: number; readonly before: number }[] = [];
          const began = performance.now();
          let at = 0;
          for (const ms of pauses) {
            at += ms;
            await pass(upstream, ms);
            for (let isTaken = true; isTaken;) {
              const after = at + performance.now() - began;
              isTaken = (await allowance.take()) === 0;
              if (isTaken) taken.push({ after, before: at + performance.now() - began });
            }
          }
          for (const [nth, { after }] of taken.entries()) {
            const within = taken.slice(nth).filter(({ before }) => before < after + 60_000);
            expect(within.length).toBeLessThanOrEqual(perMinute + 1);
          }
          const least = Math.floor((at / 60_000) * (perMinute - Math.max(1, Math.floor(perMinute / 4))) * 0.3);
          expect(taken.length).toBeGreaterThanOrEqual(Math.min(least, perMinute));
        },
      ),
      { numRuns: 40 },
    ));
});
