/** A Redis whose replies to scripts are lost: the client sends the very same command again, and hears what came of that. */
import { Command } from 'ioredis';
import type { Redis } from 'ioredis';
import { connectPatient } from '../src/redis.ts';
import { quiet } from './samples.ts';

/** A connection on which each script runs twice, and whose reply is the second one. `between`: what others do meanwhile. */
export function connectTwice(url: string, between?: () => Promise<unknown>): Redis {
  const redis = connectPatient(url, quiet);
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (...[command, ...more]: Parameters<typeof send>): unknown => {
    // What is asked before that comes here once more.
    if (redis.status === 'ready' && ['evalsha', 'eval'].includes(command.name)) {
      const lost = new Command(command.name, [...command.args]);
      // Redis may not know the script: both hear so.
      lost.promise.catch(() => undefined);
      send(lost, ...more);
      if (between !== undefined) return lost.promise.then(between, between).then(() => send(command, ...more));
    }
    return send(command, ...more);
  };
  return redis;
}
