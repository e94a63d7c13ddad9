/**
 * The express application: middleware in order, then routes.
 *
 *   name and log the request → measure → trace → security headers → known host → own and named pages → JSON alone → the routes, each
 *     of which reads its own body
 */
import { ServerResponse, IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Traces } from '@quorum/shared/traces';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { requireJson, requireKnownHost } from './access.ts';
import { trustProxies } from './address.ts';
import { methodsByPath } from './api/catalogue.ts';
import { API_REFERENCE } from './api/operation.ts';
import { boardLinkRoutes, type BoardLinkDeps } from './board-link.ts';
import { BOARD_PATH, boardRoutes, isOfBoard } from './board.ts';
import { admitPages } from './cors.ts';
import { logRequests } from './log-requests.ts';
import { measureQueues, measureRequests } from './metrics.ts';
import { answerProblem, Refusal } from './problem.ts';
import { agentRunRoutes, type AgentRunDeps } from './routes/agent-run.ts';
import { auditRoutes, type AuditDeps } from './routes/audit.ts';
import { eventsRoutes, type EventsDeps } from './routes/events.ts';
import { historyRoutes, type HistoryDeps } from './routes/history.ts';
import { holdsRoutes, type HoldsDeps } from './routes/holds.ts';
import { operationRoutes, type OperationDeps } from './routes/operation.ts';
import { preferencesRoutes, type PreferencesDeps } from './routes/preferences.ts';
import { proposalsRoutes } from './routes/proposals.ts';
import { votingRoutes, type VotingDeps } from './routes/voting.ts';
import { watchesRoutes, type WatchesDeps } from './routes/watches.ts';
import { webhookRoutes, type WebhookDeps } from './routes/webhook.ts';
import { traceRequests } from './trace-requests.ts';

export type AppDeps = AgentRunDeps &
  AuditDeps &
  EventsDeps &
  PreferencesDeps &
  WatchesDeps &
  HistoryDeps &
  HoldsDeps &
  VotingDeps &
  WebhookDeps &
  OperationDeps &
  BoardLinkDeps & {
    readonly allowedHosts: readonly string[];
    /** Whose pages may ask. */
    readonly corsOrigins: () => readonly string[];
    /** Whose X-Forwarded-For is believed; empty: nobody's. */
    readonly trustProxy: readonly string[];
    readonly metrics: Metrics;
    /** Null or absent: they are off. */
    readonly traces?: Traces | null;
    readonly log: Logger;
  };

/** Builds the application. It opens nothing and listens nowhere. */
export function createApp(deps: AppDeps): Express {
  const { queues, metrics, traces = null } = deps;
  measureQueues(metrics, queues);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  trustProxies(app, deps.trustProxy);
  app.use(
    inOrder([
      logRequests(app, deps.log),
      measureRequests(metrics),
      traceRequests(traces),
      securityHeaders(),
      requireKnownHost(deps.allowedHosts),
      admitPages(deps.corsOrigins),
      requireJson,
    ]),
  );

  // What is asked for most stands first.
  app.use(agentRunRoutes(deps));
  app.use(boardLinkRoutes(deps));
  app.use(BOARD_PATH, boardRoutes(deps));
  app.use(preferencesRoutes(deps), proposalsRoutes(deps), watchesRoutes(deps), holdsRoutes(deps), votingRoutes(deps));
  app.use(auditRoutes(deps), eventsRoutes(deps), historyRoutes(deps), webhookRoutes(deps), operationRoutes(deps));

  refuseOtherMethods(app);
  app.use((_request, _response, next) => {
    next(new Refusal('no-such-path', `Begin at /: it lists what there is.`));
  });
  app.use(answerProblem);
  return app;
}

/** One handler of several, of which each calls the next: the router looks at the path once, and not for each of them. */
function inOrder(handlers: readonly RequestHandler[]): RequestHandler {
  return handlers.reduceRight<RequestHandler>(
    (rest, handler) => (request, response, next) => {
      try {
        const done: unknown = handler(request, response, (error?: unknown) => {
          if (error === undefined || error === null) void rest(request, response, next);
          else next(error);
        });
        // oxlint-disable-next-line promise/no-callback-in-promise -- as express does with what a handler rejects
        if (done instanceof Promise) done.catch(next);
      } catch (error) {
        next(error);
      }
    },
    (_request, _response, next) => next(),
  );
}

/** After the routes: what is known by another method is a 405 that names it. */
function refuseOtherMethods(app: Express): void {
  const refuse = (allow: string): RequestHandler => {
    return (_request, _response, next) => {
      next(new Refusal('method-not-allowed', `Use ${allow}.`, { headers: { allow } }));
    };
  };
  for (const [path, allow] of methodsByPath()) app.all(path, refuse(allow));
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
  const noStore = ['cache-control', 'no-store'] as const;
  const forApi = [...headersBy(shut, OF_PAGES), noStore];
  const forReference = [...headersBy(shut), noStore];
  const forBoard = headersBy(board);
  const headersFor = (path: string) => {
    if (isOfBoard(path)) return forBoard;
    return REFERENCE.test(path) ? forReference : forApi;
  };
  return (request, response, next) => {
    for (const [name, value] of headersFor(request.path)) response.setHeader(name, value);
    next();
  };
}

/** As the router finds it. */
const REFERENCE = new RegExp(`^${API_REFERENCE.path}/?$`, 'i');

/** What is for pages, and for browsers that are gone: JSON needs none of it. */
const OF_PAGES = {
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const;

/** What helmet sets, but for what is left out. It is the same for every request: asked once, it does not put it together for each. */
function headersBy(
  directives: Record<string, string[]>,
  leftOut: Partial<typeof OF_PAGES> = {},
): (readonly [name: string, value: string])[] {
  const set: [name: string, value: string][] = [];
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  response.setHeader = (name, value) => {
    set.push([name, String(value)]);
    return response;
  };
  helmet({ ...leftOut, contentSecurityPolicy: { useDefaults: false, directives } })(
    response.req,
    response,
    () => undefined,
  );
  return set;
}
