/**
 * A wire to Redis that can be held at one command: before Redis gets it, or after it was carried out and before its answer is
 * given back. A process that is held there is in the middle of exactly that step, and can be killed in it.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export type Point = {
  /** Whether this text, as it goes to Redis, holds the command. */
  readonly is: (text: string) => boolean;
  readonly when: 'before' | 'after';
};

export type RedisProxy = {
  readonly url: string;
  /** Holds the next connection that comes to this point; settles once it is there. Every other goes on. */
  readonly hold: (point: Point) => Promise<void>;
  readonly close: () => Promise<void>;
};

export async function startRedisProxy(target: string): Promise<RedisProxy> {
  const { hostname, port, username, password } = new URL(target);
  const sockets = new Set<Socket>();
  let armed: { readonly point: Point; readonly reached: () => void } | null = null;

  const server = createServer((client) => {
    const redis = connect(Number(port), hostname);
    let held: Point['when'] | null = null;
    for (const [one, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => {
      if (held === null && armed?.point.is(chunk.toString('latin1')) === true) {
        held = armed.point.when;
        armed.reached();
        armed = null;
        if (held === 'after') redis.write(chunk);
        return;
      }
      if (held === null) redis.write(chunk);
    });
    redis.on('data', (chunk: Buffer) => {
      if (held === null) client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy does not listen on a port');
  const url = new URL(target);
  url.port = String(address.port);
  url.username = username;
  url.password = password;

  return {
    url: url.href,
    hold: (point) => new Promise<void>((reached) => (armed = { point, reached })),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
