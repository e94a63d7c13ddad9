/** Clients that do not read, over a real line. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { afterEach, expect, test } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { createEventStreams, MAX_UNSENT, type EventStream } from './event-streams.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close();
});

/** A server that hands each request to this, and a client that sends one and reads nothing unless it is told to. */
async function ask(handle: RequestListener): Promise<Socket> {
  const server = createServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no address');
  const client = connect(address.port, '127.0.0.1');
  client.on('error', () => undefined);
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  closers.push(() => {
    client.destroy();
    server.closeAllConnections();
    server.close();
  });
  return client;
}

type Opened = {
  readonly stream: EventStream;
  readonly unsent: () => number;
  readonly isGone: () => boolean;
  readonly client: Socket;
  readonly cut: () => Promise<number>;
};

/** A stream to a client that reads nothing unless it is told to. */
async function openTo(heartbeatS: number): Promise<Opened> {
  const registry = new Registry();
  const streams = createEventStreams(() => ({ heartbeatS, maxClients: 1 }), registry);
  let isGone = false;
  const opened = Promise.withResolvers<{ stream: EventStream; unsent: () => number }>();
  const client = await ask((_request, response) => {
    const stream = streams.open(response, () => (isGone = true));
    opened.resolve({ stream, unsent: () => response.writableLength });
  });
  closers.push(() => streams.close());
  const { stream, unsent } = await opened.promise;
  const cut = async (): Promise<number> =>
    Number(/^quorum_event_streams_cut_total (\d+)$/m.exec(await registry.metrics())?.[1]);
  return { stream, unsent, isGone: () => isGone, client, cut };
}

const PIECE = 'x'.repeat(16 * 1_024);
const send = (stream: EventStream): void => stream.send({ id: '1-0', event: 'decided', data: PIECE });

test('a client that does not read is cut once too much waits for it, and nothing is kept for it', async () => {
  const { stream, unsent, isGone, cut } = await openTo(60);
  let most = 0;
  // Far more than any buffer of the system takes.
  for (let sent = 0; sent < 8_000 && !isGone(); sent += 1) {
    send(stream);
    most = Math.max(most, unsent());
    await turn();
  }
  expect(isGone()).toBe(true);
  expect(most).toBeLessThan(MAX_UNSENT + 2 * PIECE.length);
  expect(unsent()).toBe(0);
  expect(await cut()).toBe(1);
  send(stream);
  expect(unsent()).toBe(0);
});

test('a client that stays behind from one heartbeat to the next is cut, however little waits', async () => {
  const { stream, unsent, isGone, cut } = await openTo(0.1);
  while (unsent() === 0) {
    send(stream);
    await turn();
  }
  await expect.poll(isGone, PATIENT).toBe(true);
  expect(await cut()).toBe(1);
});

test('a client that was behind and catches up stays, and gets everything', async () => {
  const { stream, unsent, isGone, client, cut } = await openTo(60);
  let sent = 0;
  while (unsent() === 0) {
    send(stream);
    sent += 1;
    await turn();
  }
  const chunks: Buffer[] = [];
  client.on('data', (chunk: Buffer) => chunks.push(chunk));
  const got = (): number => Buffer.concat(chunks).toString('latin1').split('event: decided').length - 1;
  client.resume();
  await expect.poll(unsent, PATIENT).toBe(0);
  stream.end();
  await expect.poll(isGone, PATIENT).toBe(true);
  await expect.poll(got, PATIENT).toBe(sent);
  expect(await cut()).toBe(0);
});

test('a client that goes before its stream is opened takes no place', async () => {
  const registry = new Registry();
  const streams = createEventStreams(() => ({ heartbeatS: 60, maxClients: 1 }), registry);
  closers.push(() => streams.close());
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const client = await ask((_request, response) => {
    asked.resolve();
    // As a route does that has to ask Redis first.
    response.once('close', () => {
      const stream = streams.open(response, () => gone.resolve());
      send(stream);
      stream.end();
    });
  });
  await asked.promise;
  client.destroy();
  await gone.promise;
  expect(streams.isFull()).toBe(false);
  expect(await registry.metrics()).toMatch(/^quorum_event_streams 0$/m);
});
