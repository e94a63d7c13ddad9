/**
 * The express application: middleware in order, then routes.
 *
 *   name and log the request → measure → security headers → known host → own pages → JSON alone → preferences
 *     → body ≤ 16 kB → the other routes
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serializeError, type Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { refuseForeignPages, requireJson, requireKnownHost } from './access.ts';
import { BOARD_PATH, boardRoutes } from './board.ts';
import { checkHealth } from './health.ts';
import { measureQueues, measureRequests } from './metrics.ts';
import { answerProblem, Refusal, setRequestId } from './problem.ts';
import { agentRunRoutes, type AgentRunDeps } from './routes/agent-run.ts';
import { preferencesRoutes, type PreferencesDeps } from './routes/preferences.ts';
import { proposalsRoutes } from './routes/proposals.ts';
import { watchesRoutes, type WatchesDeps } from './routes/watches.ts';

export type AppDeps = AgentRunDeps &
  PreferencesDeps &
  WatchesDeps & {
    readonly allowedHosts: readonly string[];
    readonly metrics: Metrics;
    readonly log: Logger;
  };

const LINKS = {
  agent_run: '/agent-run',
  proposals: '/proposals',
  watches: '/watches',
  user_preferences: '/user-preferences',
  health: '/health',
  live: '/health/live',
  ready: '/health/ready',
  metrics: '/metrics',
  queues: BOARD_PATH,
} as const;

/** Builds the application. It opens nothing and listens nowhere. */
export function createApp(deps: AppDeps): Express {
  const { queues, metrics } = deps;
  measureQueues(metrics, queues);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(logRequests(deps.log));
  app.use(measureRequests(metrics));
  app.use(securityHeaders());
  app.use(requireKnownHost(deps.allowedHosts), refuseForeignPages, requireJson);

  app.use(BOARD_PATH, boardRoutes(queues, deps.access, deps.limitMs));
  // These read their bodies themselves, which may be larger.
  app.use(preferencesRoutes(deps));
  app.use(express.json({ limit: '16kb', inflate: false }));
  app.use(agentRunRoutes(deps), proposalsRoutes(deps), watchesRoutes(deps));

  app.get('/', (_request, response) => {
    response.json({ name: 'Quorum', links: LINKS });
  });
  app.get('/health/live', (_request, response) => {
    response.json({ status: 'ok' });
  });
  app.get('/health/ready', async (_request, response) => {
    await queues.ready();
    response.json({ status: 'ok' });
  });
  app.get('/health', async (_request, response) => {
    const health = await checkHealth(queues);
    response.status(health.status === 'ok' ? 200 : 503).json(health);
  });
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  refuseOtherMethods(app);
  app.use((_request, _response, next) => {
    next(new Refusal('no-such-path', `Begin at /: it lists what there is.`));
  });
  app.use(answerProblem);
  return app;
}

/** After the routes: what is known by another method is a 405 that names it. */
function refuseOtherMethods(app: Express): void {
  const refuse = (allow: string): RequestHandler => {
    return (_request, _response, next) => {
      next(new Refusal('method-not-allowed', `Use ${allow}.`, { headers: { allow } }));
    };
  };
  app.all('/agent-run', refuse('POST'));
  app.all('/user-preferences', refuse('GET, HEAD, PATCH, PUT'));
  app.all('/agent-run/:id', refuse('DELETE, GET, HEAD'));
  app.all('/watches/:space_id', refuse('DELETE, GET, HEAD, PUT'));
  app.all(['/', '/proposals', '/watches', '/health', '/health/live', '/health/ready', '/metrics'], refuse('GET, HEAD'));
}

function logRequests(log: Logger): RequestHandler {
  return pinoHttp({
    logger: log,
    genReqId(_request: IncomingMessage, response: ServerResponse) {
      const id = randomUUID();
      setRequestId(response, id);
      return id;
    },
    // Never the headers: they hold the key.
    serializers: {
      req: ({ id, method, url }: { id: string; method: string; url: string }) => ({ id, method, path: pathToLog(url) }),
      res: ({ statusCode }: { statusCode: number }) => ({ status: statusCode }),
      err: serializeError,
    },
    // Probes and scrapes come every few seconds.
    autoLogging: { ignore: ({ url }) => url === '/metrics' || url?.startsWith('/health') === true },
    customLogLevel: (_request, response) => (response.statusCode >= 500 ? 'warn' : 'info'),
    customSuccessMessage: () => 'request answered',
    customErrorMessage: () => 'request not answered',
  });
}

/** Longer than the id of a run, shorter than any 256 bits in digits or letters. */
const MAX_LOGGED_SEGMENT = 40;

/** The path of a URL without what may be a key that somebody put there by mistake: no query, no segment that is long enough. */
function pathToLog(url: string): string {
  const [path = ''] = url.split('?');
  return path
    .split('/')
    .map((segment) => (segment.length > MAX_LOGGED_SEGMENT ? '…' : segment))
    .join('/');
}

/** An API runs nothing in a browser. Bull Board does, from this origin alone; its pages hold inline styles. */
function securityHeaders(): RequestHandler {
  const none = ["'none'"];
  const self = ["'self'"];
  const shut = { defaultSrc: none, frameAncestors: none, baseUri: none, formAction: none };
  const board = {
    ...shut,
    scriptSrc: self,
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: self,
    connectSrc: self,
    manifestSrc: self,
    baseUri: self,
  };
  const forApi = helmet({ contentSecurityPolicy: { useDefaults: false, directives: shut } });
  const forBoard = helmet({ contentSecurityPolicy: { useDefaults: false, directives: board } });
  return (request, response, next) => {
    const isBoard = request.path === BOARD_PATH || request.path.startsWith(`${BOARD_PATH}/`);
    if (!isBoard) response.set('cache-control', 'no-store');
    (isBoard ? forBoard : forApi)(request, response, next);
  };
}
