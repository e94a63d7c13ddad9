/** A TCP line to a Redis that lets nothing more pass once what is sent to it holds a given text: the brink before that command. */
import { connect, createServer, type Socket } from 'node:net';

export type Brink = {
  readonly url: string;
  /** Settles when the text came by; it and all that follows, on every connection, never arrives. */
  readonly reached: Promise<void>;
  close(): Promise<void>;
};

export async function openBrink(redisUrl: string, text: string): Promise<Brink> {
  const { hostname, port } = new URL(redisUrl);
  const reached = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  let shut = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on('data', (chunk) => {
      shut ||= chunk.includes(text);
      if (shut) reached.resolve();
      else far.write(chunk);
    });
    far.on('data', (chunk) => near.write(chunk));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no address');
  const url = new URL(redisUrl);
  url.port = String(address.port);
  return {
    url: url.toString(),
    reached: reached.promise,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
