/** What a Redis holds, to look for what must not be there. */
import type { Redis } from 'ioredis';

/** Every value in Redis, as text. */
export async function dump(redis: Redis, of: (key: string) => boolean = () => true): Promise<string> {
  const values: string[] = [];
  for (const key of (await redis.keys('*')).filter(of)) {
    switch (await redis.type(key)) {
      case 'string':
        values.push((await redis.get(key)) ?? '');
        break;
      case 'hash':
        values.push(JSON.stringify(await redis.hgetall(key)));
        break;
      case 'stream':
        values.push(JSON.stringify(await redis.xrange(key, '-', '+')));
        break;
      case 'list':
        values.push(JSON.stringify(await redis.lrange(key, 0, -1)));
        break;
      case 'set':
        values.push(JSON.stringify(await redis.smembers(key)));
        break;
      case 'zset':
        values.push(JSON.stringify(await redis.zrange(key, '0', '-1')));
        break;
    }
    values.push(key);
  }
  return values.join('\n');
}
