/** What a Redis did: commands, and the CPU time that it took. Counts do not depend on how busy the machine is. */
import type { Redis } from 'ioredis';

export type RedisWork = {
  /** Commands, those that scripts call included. */
  readonly commands: number;
  /** CPU time of the server, milliseconds. */
  readonly cpuMs: number;
};

export async function redisWork(redis: Redis): Promise<RedisWork> {
  const [stats, cpu] = await Promise.all([redis.info('commandstats'), redis.info('cpu')]);
  const commands = [...stats.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
  const seconds = ['user', 'sys'].map((kind) => Number(new RegExp(`^used_cpu_${kind}:([\\d.]+)`, 'm').exec(cpu)?.[1]));
  return { commands, cpuMs: 1_000 * seconds.reduce((sum, each) => sum + each, 0) };
}
