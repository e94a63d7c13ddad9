import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { useRedis } from '../test/world.ts';
import { upstreamId, type UpstreamId } from './ids.ts';
import { keys } from './redis-keys.ts';
import { createSendAllowance } from './send-allowance.ts';

const { redis } = useRedis();

let upstreams = 0;
const anUpstream = (): UpstreamId => upstreamId(`https://seq${(upstreams += 1)}.example/`, undefined);
const allowanceOf = (upstream: UpstreamId, perMinute: number) =>
  createSendAllowance(redis(), upstream, () => perMinute);

/** Lets time pass for this allowance: what was taken is that much longer ago. */
async function pass(upstream: UpstreamId, ms: number): Promise<void> {
  const full = await redis().get(keys.sends(upstream));
  if (full !== null) await redis().set(keys.sends(upstream), String(Number(full) - ms));
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
