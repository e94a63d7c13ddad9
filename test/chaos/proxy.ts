/** A TCP line between the services and Redis that can be cut and held up. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { z } from 'zod';

export type Proxy = {
  readonly port: number;
  /** Drops every connection, as a router that restarts does; new ones are taken. Returns how many there were. */
  readonly cut: () => number;
  /** Lets nothing through for so long; what was sent meanwhile arrives late. */
  readonly stall: (forMs: number) => void;
  readonly close: () => Promise<void>;
};

/** Listens on a free port of loopback and hands everything on to that one. */
export async function startProxy(target: number): Promise<Proxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let held: NodeJS.Timeout | null = null;

  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      from.pipe(to);
      if (held !== null) from.pause();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.int() }).parse(server.address());

  const cut = (): number => {
    const count = pairs.size;
    for (const [client, upstream] of pairs) {
      client.destroy();
      upstream.destroy();
    }
    return count;
  };
  const release = (): void => {
    if (held !== null) clearTimeout(held);
    held = null;
    for (const pair of pairs) for (const socket of pair) socket.resume();
  };
  return {
    port,
    cut,
    stall(forMs) {
      if (held !== null) clearTimeout(held);
      for (const pair of pairs) for (const socket of pair) socket.pause();
      held = setTimeout(release, forMs);
    },
    async close() {
      release();
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
