/**
 * Serves the routes of the catalogue: reads what an entry says of a request, lets in whom it lets in, and sends what it answers. A
 * handler that sends anything else does not compile.
 */
import { NotFoundError, ValidationError } from '@quorum/shared/errors';
import express, { type Request, type RequestHandler, type Response, type Router } from 'express';
import { z } from 'zod';
import type { Access, Caller } from '../access.ts';
import { NOTHING, type Answer, type Answers, type Route, type RouteOf } from './route.ts';

type BodyOf<A extends Answer> = A extends { readonly body: infer S extends z.ZodType } ? [body: z.output<S>] : [];

/**
 * One request. Each part of it is parsed at once and told only when asked for: what is wrong is told to whoever may ask, and that is
 * found out meanwhile. Its function throws where the part does not fit.
 */
export type Asked<
  P extends z.ZodType,
  Q extends z.ZodType,
  H extends z.ZodType,
  B extends z.ZodType,
  A extends Answers,
> = {
  readonly request: Request;
  readonly response: Response;
  readonly params: () => z.output<P>;
  readonly query: () => z.output<Q>;
  readonly headers: () => z.output<H>;
  readonly body: () => z.output<B>;
  /** Who asks, in the role that the route needs; it pays for the request. Asks Redis: call it once, within `askRedis`. */
  readonly caller: () => Promise<Caller>;
  /** Ends the request with one of the answers of the route. */
  readonly answer: <S extends keyof A & number>(status: S, ...body: BodyOf<A[S]>) => void;
};

/** Adds routes of the catalogue to a router. */
export function serveOn(router: Router, access: Access) {
  return function serve<
    P extends z.ZodType,
    Q extends z.ZodType,
    H extends z.ZodType,
    B extends z.ZodType,
    A extends Answers,
  >(route: RouteOf<P, Q, H, B, A>, handle: (asked: Asked<P, Q, H, B, A>) => Promise<void>): void {
    const { method, path, role, pays, names } = route;
    const headersOf = headersReader(route);
    const readsQuery = isRead(route.query);
    router[method](path, ...bodyParsers(route), async (request, response) => {
      await handle({
        request,
        response,
        params: readPart('path', route.params, request.params, names),
        // Express parses it when it is asked for.
        query: readPart('query', route.query, readsQuery ? request.query : undefined),
        headers: readPart('headers', route.headers, headersOf(request)),
        body: readPart('body', route.body, request.body),
        caller() {
          if (role === 'anybody') throw new TypeError(`${path} asks nobody who they are.`);
          return access.callerOf(request, role, pays);
        },
        answer(status: number, ...sent: readonly unknown[]) {
          const [body] = sent;
          response.status(status);
          if (body === undefined) response.end();
          else if (method === 'get') response.json(body);
          else sendJson(response, body);
        },
      });
    });
  };
}

/** As express has it for what is no read: nothing is asked of what the client has, and there is no answer without its body. */
function sendJson(response: Response, body: unknown): void {
  const text = JSON.stringify(body);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('content-length', Buffer.byteLength(text));
  response.end(text);
}

function isRead(schema: z.ZodType): boolean {
  return schema !== NOTHING;
}

/** What reads the body of this route. A body that a route does not know is not read at all. */
function bodyParsers({ body, bodyAs, bodyKb }: Route): RequestHandler[] {
  if (!isRead(body)) return [];
  const options = { limit: `${bodyKb}kb`, inflate: false };
  return [bodyAs === 'json' ? express.json(options) : express.raw({ ...options, type: 'application/json' })];
}

/** What finds the headers that a route knows, by the names that it has for them. */
function headersReader({ headers }: Route): (request: Request) => Record<string, unknown> {
  if (!(headers instanceof z.ZodObject)) return () => ({});
  const names = Object.keys(headers.shape).map((name) => [name, name.toLowerCase()] as const);
  return (request) => Object.fromEntries(names.map(([name, sent]) => [name, request.headers[sent]]));
}

type Part = 'path' | 'query' | 'headers' | 'body';

function readPart<S extends z.ZodType>(part: Part, schema: S, value: unknown, names?: string): () => z.output<S> {
  if (!isRead(schema)) return () => schema.parse(value);
  const parsed = schema.safeParse(value);
  return () => {
    if (parsed.success) return parsed.data;
    if (names !== undefined) throw new NotFoundError(names);
    const issues = parsed.error.issues.flatMap(fieldErrors);
    if (part === 'body') throw new ValidationError('The body does not fit; see errors.', issues);
    // A parameter is small: what is wrong with it first is enough.
    const byPath = Map.groupBy(issues, ({ path }) => path).values();
    const [first, ...more] = [...byPath].flatMap(([issue]) => issue ?? []);
    const what = first === undefined || more.length > 0 ? part : first.path;
    throw new ValidationError(`The ${what} does not fit; see errors.`, first === undefined ? [] : [first, ...more]);
  };
}

function fieldErrors(issue: z.core.$ZodIssue): { path: string; message: string }[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: key, message: 'is not a known field' }));
  return [{ path: issue.path.join('.'), message: issue.message }];
}
