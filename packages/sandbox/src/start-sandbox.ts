/** Puts the sandbox together and listens: hub, sequencer, model and control API in one process on one port. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { hexlify, randomBytes, Wallet } from 'ethers';
import type { GraphQLSchema } from 'graphql-15';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import { createClock } from './clock.ts';
import { createControl } from './control.ts';
import { createFaults, withFaults } from './faults.ts';
import { createHub } from './hub/endpoint.ts';
import { createHubGuard } from './hub/guard.ts';
import { createHubApi, nowhere } from './hub/rest.ts';
import { readHubSchema } from './hub/schema.ts';
import { htmlError, preflight, readRequest, send, type EndpointName, type Handler, type Reply } from './http.ts';
import { createLiveWorld, type LiveWorld, type StoredMessage } from './live-world.ts';
import type { StoredVote } from './stored-vote.ts';
import { createModel } from './model/endpoint.ts';
import { createModelSettings } from './model/personas.ts';
import { createRateLimiter } from './rate-limit.ts';
import { createReceived, type Exchange, type Received } from './received.ts';
import { createSequencer, limitSequencer } from './sequencer/endpoint.ts';
import { createKeypers } from './sequencer/keypers.ts';
import { refuseInFlight } from './sequencer/in-flight.ts';
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
    options.relayerKey === undefined ? new Wallet(hexlify(randomBytes(32))) : new Wallet(options.relayerKey);
  const schema = await readHubSchema();
  const closing = new AbortController();

  const server = createServer(buildApp({ world, relayer, schema, received, closing: closing.signal }));
  // Who keeps a line open closes it: a line that is closed at the moment at which it is used again loses a request.
  server.keepAliveTimeout = 0;
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
  readonly schema: GraphQLSchema;
  readonly received: Received;
  readonly closing: AbortSignal;
};

/** Every path but the model's: hub and sequencer answer something everywhere. */
const SNAPSHOTS = /^(?!\/v1\/)/;

function buildApp({ world, relayer, schema, received, closing }: Parts): Express {
  const serve = serving(received);
  const faults = createFaults();
  const model = createModelSettings();
  const keypers = createKeypers(world);
  const faulty = (name: EndpointName, handle: Handler): Handler => withFaults(name, faults, closing, handle);

  const guard = createHubGuard(
    world,
    createRateLimiter(world.clock, () => world.limits.hub_per_minute),
  );
  const ofHub = (handle: Handler): RequestHandler => serve(received.record('hub', guard(faulty('hub', handle))));
  const askHub = createHub(world, schema);
  const hub = ofHub(async (request) => {
    await keypers.releaseDue();
    return askHub(request);
  });
  const hubApi = ofHub(createHubApi(world));
  const limited = limitSequencer(world);
  const ofSequencer = (handle: Handler): RequestHandler => serve(received.record('sequencer', limited(handle)));
  const sequencer = ofSequencer(
    refuseInFlight(() => world.generation, faulty('sequencer', createSequencer({ world, relayer, keypers, closing }))),
  );
  const models = serve(received.record('model', faulty('model', createModel(model, world.clock, closing))));

  const app = express();
  app.disable('x-powered-by');
  // Whoever compares clocks by the Date header must see the sandbox's own.
  app.use((_request, response, next) => {
    response.setHeader('date', new Date(world.clock.now() * 1_000).toUTCString());
    next();
  });
  app.use('/_sandbox', text('1gb'), createControl({ world, keypers, faults, model, received }));
  app.use(text('20mb'), express.urlencoded({ limit: '20mb', extended: false }));
  app.options(SNAPSHOTS, serve(preflight));
  app.all('/graphql', hub);
  app.all(['/api', '/api/{*path}'], hubApi);
  app.route('/').get(sequencer).post(sequencer);
  app.get('/scores/{*path}', sequencer);
  app.get(['/v1/models', '/v1/models/:model'], models);
  app.post('/v1/chat/completions', models);
  app.all(SNAPSHOTS, ofSequencer(nowhere));
  app.use(asPage(received));
  return app;
}

/** A body that is too large or cut short is answered in HTML, as the real servers do; anything else here is our own fault. */
function asPage(received: Received): ErrorRequestHandler {
  return (error: unknown, request, response, _next): void => {
    const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
    const answer = htmlError(status, String(error));
    unread(received, request, answer);
    send(answer, response);
  };
}

/** Bodies are read as text: what the log shows is what was sent. A world for a benchmark may be larger than any vote. */
function text(limit: string): RequestHandler {
  return express.text({ type: 'application/json', limit, defaultCharset: 'utf-8' });
}

function serving(received: Received): (handle: Handler) => RequestHandler {
  return (handle) =>
    async (request, response): Promise<void> => {
      const read = readRequest(request);
      if ('kind' in read) unread(received, request, read);
      send('kind' in read ? read : await handle(read), response);
    };
}

/** Logs a request whose body could not be read, but for those to the control API. */
function unread(received: Received, { method, originalUrl: url, body }: Request, answer: Reply): void {
  if (url.startsWith('/_sandbox')) return;
  const hubs = /^\/(?:graphql|api)\b/.test(url);
  const endpoint = url.startsWith('/v1/') ? 'model' : hubs ? 'hub' : 'sequencer';
  received.unread({ endpoint, method, url, body: typeof body === 'string' ? body : '' }, answer);
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the sandbox does not listen on a port');
  return address.port;
}
