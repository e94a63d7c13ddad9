/** Puts the sandbox together and listens: hub, sequencer, model and control API in one process on one port. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { Wallet } from 'ethers';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { createClock } from './clock.ts';
import { createControl } from './control.ts';
import { createFaults, withFaults } from './faults.ts';
import { createHub } from './hub/endpoint.ts';
import { htmlError, readRequest, send, type EndpointName, type Handler } from './http.ts';
import { createLiveWorld, type LiveWorld, type StoredMessage, type StoredVote } from './live-world.ts';
import { createModel } from './model/endpoint.ts';
import { createModelSettings } from './model/personas.ts';
import { createReceived, type Exchange, type Received } from './received.ts';
import { createSequencer, refuseInFlight } from './sequencer/endpoint.ts';
import { parseWorld, type World } from './world.ts';
import { emptyWorld } from './worlds/empty.ts';

export type SandboxOptions = {
  /** 0, the default: any free port. */
  readonly port?: number;
  readonly host?: string;
  /** Absent: an empty one. */
  readonly world?: World;
  /** The relayer's private key; absent: one made for this run. */
  readonly relayerKey?: string;
};

/** What the sandbox holds at this moment; each reading is a fresh copy. */
type WorldView = {
  readonly votes: readonly StoredVote[];
  readonly messages: readonly StoredMessage[];
  readonly received: readonly Exchange[];
};

export type Sandbox = {
  /** `http://host:port`. Hub at `/graphql`, sequencer at `/`, model at `/v1`, control API at `/_sandbox`. */
  readonly url: string;
  readonly world: WorldView;
  /** Ends all connections, those that wait for an answer too. */
  close(): Promise<void>;
};

/** Starts a sandbox. Throws `WorldError` for a world that cannot be served, and Node's error for a port that is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const complete = parseWorld(options.world ?? emptyWorld());
  const clock = createClock(complete.now ?? null);
  const world = createLiveWorld(complete, clock);
  const received = createReceived(() => clock.now());
  const relayer =
    options.relayerKey === undefined ? new Wallet(Wallet.createRandom().privateKey) : new Wallet(options.relayerKey);
  const sdl = await readFile(new URL('./hub/schema.graphql', import.meta.url), 'utf8');
  const closing = new AbortController();

  const server = createServer(buildApp({ world, relayer, sdl, received, closing: closing.signal }));
  const host = options.host ?? '127.0.0.1';
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${portOf(server)}`,
    world: {
      get votes() {
        return world.votes;
      },
      get messages() {
        return world.messages;
      },
      get received() {
        return received.list();
      },
    },
    close: async () => {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

type Parts = {
  readonly world: LiveWorld;
  readonly relayer: Wallet;
  readonly sdl: string;
  readonly received: Received;
  readonly closing: AbortSignal;
};

function buildApp({ world, relayer, sdl, received, closing }: Parts): Express {
  const faults = createFaults();
  const model = createModelSettings();
  const faulty = (name: EndpointName, handle: Handler): Handler => withFaults(name, faults, closing, handle);

  const hub = serve(received.record('hub', faulty('hub', createHub(world, sdl))));
  const sequencer = serve(
    received.record('sequencer', refuseInFlight(faulty('sequencer', createSequencer(world, relayer)))),
  );
  const models = serve(received.record('model', faulty('model', createModel(model, world.clock, closing))));

  const app = express();
  app.disable('x-powered-by');
  app.use(express.text({ type: 'application/json', limit: '20mb', defaultCharset: 'utf-8' }));
  app.use('/_sandbox', createControl({ world, faults, model, received: () => received.list() }));
  app.route('/graphql').get(hub).post(hub);
  app.route('/').get(sequencer).post(sequencer);
  app.get('/v1/models', models);
  app.post('/v1/chat/completions', models);
  app.use(asPage);
  return app;
}

/** A body that is too large or cut short is answered in HTML, as the real servers do; anything else here is our own fault. */
const asPage: ErrorRequestHandler = (error: unknown, _request, response, _next): void => {
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
  send(htmlError(status, String(error)), response);
};

function serve(handle: Handler): RequestHandler {
  return async (request, response): Promise<void> => {
    const read = readRequest(request);
    send('kind' in read ? read : await handle(read), response);
  };
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sandbox does not listen on a port');
  return address.port;
}
