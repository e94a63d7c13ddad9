/**
 * What a route of the API is, as data: where it stands, who may ask, what is read of a request and what is answered. Express serves
 * it by this (`serve.ts`), and the OpenAPI document is made of it (`document.ts`), so that the two cannot differ.
 *
 * To add one: an entry in the file of its group here, one line in `catalogue.ts`, `serve(ENTRY, handler)` in `routes/`.
 */
import type { Role } from '@quorum/shared/api-keys';
import { z } from 'zod';
import type { Pays } from '../limits.ts';
import type { ProblemKind } from '../problem.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export const GROUPS = {
  Runs: 'One run looks at one space for one owner: it decides a few proposals and votes.',
  Holds: 'Decisions that wait for their owner.',
  Voting: 'The kill switch.',
  Watches: 'Standing orders: run the agent for a space on a schedule.',
  Preferences: 'What the owner wants.',
  Webhooks: 'Where the owner is told, and what became of it.',
  Records: 'What was done, to be verified.',
  Operation: 'For whoever operates Quorum.',
} as const;
export type Group = keyof typeof GROUPS;

/** What is read of a part of a request that has no schema: nothing. */
export const NOTHING = z.unknown();

/** One way in which a request succeeds. With neither `body` nor `text` the answer has no body. */
export type Answer = {
  readonly description: string;
  /** The schema of the JSON that is sent. */
  readonly body?: z.ZodType;
  /** The media type of what is sent where that is no JSON. */
  readonly text?: string;
  /** The headers of this answer that mean something, and what. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type Answers = Readonly<Record<number, Answer>>;

export type RouteOf<
  P extends z.ZodType,
  Q extends z.ZodType,
  H extends z.ZodType,
  B extends z.ZodType,
  A extends Answers,
> = {
  /** The name of the operation, for programs. */
  readonly id: string;
  readonly method: Method;
  /** As express has it: `/agent-run/:id`. */
  readonly path: `/${string}`;
  readonly group: Group;
  /** What it does, in a few words. */
  readonly summary: string;
  /** What else a caller should know. */
  readonly details?: string;
  /** The role that is needed; anybody: no key is asked for. */
  readonly role: Role | 'anybody';
  /** Which budget of requests it is counted under. */
  readonly pays: Pays;
  readonly params: P;
  /** What a path names: where its parameters do not fit there is no such thing, which is a 404 and not a 400. */
  readonly names?: string;
  readonly query: Q;
  /** By the names that the headers have in documents. */
  readonly headers: H;
  readonly body: B;
  /** How long a body may be. */
  readonly bodyKb: number;
  /** bytes: the handler reads the body itself, so that it can say in which line it does not fit. */
  readonly bodyAs: 'json' | 'bytes';
  readonly answers: A;
  /** How it says no, beside what every route of its kind says (`document.ts`). */
  readonly problems: readonly ProblemKind[];
};

/** Any route. */
export type Route = RouteOf<z.ZodType, z.ZodType, z.ZodType, z.ZodType, Answers>;

/** What a route is where it says nothing else. Spread it first. */
export const USUAL = {
  role: 'viewer',
  pays: 'reads',
  params: NOTHING,
  query: NOTHING,
  headers: NOTHING,
  body: NOTHING,
  bodyKb: 16,
  bodyAs: 'json',
  problems: [],
} as const satisfies Partial<Route>;

/** Of a route whose answer carries an `ETag`. */
export const IfNoneMatch = z.object({
  'If-None-Match': z.string().optional().describe('The `ETag` of an earlier answer: 304 where it still holds'),
});
export const TAGGED = { ETag: 'Changes with the answer' } as const;
export const NOT_MODIFIED = { description: 'The answer that you have still holds.' } as const;
