/**
 * One of two whole products that are held against each other: what some work there costs, in commands and CPU, without what its Redis
 * does while nobody asks anything.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { keptBytes, PASSING } from '../test/load/measures.ts';
import { until, type Stack } from '../test/stack.ts';
import { redisWork } from './redis-work.ts';
import { servicesMs } from './services-cpu.ts';

const IDLE_MS = 12_000;
/** The last job of a run is put away after its record is packed. */
const PUT_AWAY_MS = 100;
/** What `redisWork` itself asks, of which the last sees itself. */
const INFOS = 2;

/** What a Redis does in a millisecond in which nobody asks anything of the product. */
type Idle = { readonly commands: number; readonly cpuMs: number };

export type Side = { readonly stack: Stack; idle: Idle };

export type Cost = { readonly commands: number; readonly redisMs: number; readonly servicesMs: number };

/** What `work` costs, which gives back the runs that it waited for. Scrapes ask Redis too: they are left out of what it is asked. */
export async function costOf({ stack, idle }: Side, work: () => Promise<readonly RunId[]>): Promise<Cost> {
  const servicesBefore = await servicesMs(stack);
  const [before, beganMs] = [await redisWork(stack.redis), performance.now()];
  let ours = INFOS;
  for (const run of await work()) ours += await packed(stack, run);
  await pause(PUT_AWAY_MS);
  const [after, endedMs] = [await redisWork(stack.redis), performance.now()];
  const tookMs = endedMs - beganMs;
  return {
    commands: after.commands - before.commands - ours - idle.commands * tookMs,
    redisMs: after.cpuMs - before.cpuMs - idle.cpuMs * tookMs,
    servicesMs: (await servicesMs(stack)) - servicesBefore,
  };
}

export function costPerRun({ commands, redisMs, servicesMs: ms }: Cost, runs: number): Cost {
  return { commands: commands / runs, redisMs: redisMs / runs, servicesMs: ms / runs };
}

/** Waits until the record is packed, which comes last of a run. Returns how often Redis was asked meanwhile. */
export async function packed({ redis }: Stack, runId: RunId): Promise<number> {
  let asked = 0;
  await until('the record to be packed', async () => {
    asked += 1;
    return (await redis.hexists(keys.run(runId), 'packed')) === 1;
  });
  return asked;
}

export async function idleWork({ redis }: Stack): Promise<Idle> {
  const before = await redisWork(redis);
  await pause(IDLE_MS);
  const after = await redisWork(redis);
  return {
    commands: (after.commands - before.commands - INFOS) / IDLE_MS,
    cpuMs: (after.cpuMs - before.cpuMs) / IDLE_MS,
  };
}

/** Bytes that stay when jobs, events and what is shared for minutes have gone, without the texts that all runs share. */
export async function staying({ redis }: Stack): Promise<number> {
  const kept = await keptBytes(redis);
  return [...kept].reduce((sum, [of, bytes]) => (of === 'proposal' || PASSING.includes(of) ? sum : sum + bytes), 0);
}
