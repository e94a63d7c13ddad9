/**
 * Where in a trace the running code is, and what begins a span below that. What starts a trace (a request, a job) is handed the
 * `Traces` of its service; whatever goes on within it finds its place here, through every await, so that no call has to pass it on.
 * While traces are off nothing is ever put here: each of these functions then does its work and no more.
 *
 * The trace of a run is named by the run: its id is the run's without hyphens, and the id of its first span follows from it too. So
 * whoever knows a run finds its trace, and a job that was lost, put back or delivered twice is in it, whatever it carries.
 *
 * Knows nothing of OpenTelemetry, as everything that is loaded while traces are off.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash } from 'node:crypto';
import { SnapshotError } from '@quorum/snapshot/errors';
import { z } from 'zod';
import { QuorumError } from './errors.ts';
import type { RunId } from './ids.ts';

/** One span of one trace, as W3C's trace context names them: 32 and 16 hexadecimal digits. */
export type TracePoint = { readonly traceId: string; readonly spanId: string };

/** Never a secret, and never words of an owner, a proposal or a model: whoever runs the collector reads them. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span that is to begin. */
export type About = {
  readonly name: string;
  /** server: of a request that came in. client: of one that goes out. consumer: of a job. */
  readonly kind: 'server' | 'client' | 'consumer' | 'internal';
  readonly attributes: Attributes;
};

/** Where a span begins. */
export type Where =
  /** The first span of the trace that this point names. */
  | { readonly kind: 'first'; readonly point: TracePoint; readonly link: TracePoint | null }
  | { readonly kind: 'child'; readonly of: TracePoint }
  /** The first span of a trace of its own; `link`: what led to it. */
  | { readonly kind: 'new'; readonly link: TracePoint | null };

/** A span that is open. */
export type Span = {
  readonly point: TracePoint;
  /** Begins another span. What this one says of run and proposal, that one says too. */
  readonly begin: (about: About, where: Where) => Span;
  readonly set: (attributes: Attributes) => void;
  readonly rename: (name: string) => void;
  /** Says that it went wrong; `type` is one of a closed list, never a message. */
  readonly fail: (type: string) => void;
  readonly end: () => void;
};

/** The traces of one service. What starts a trace has these. */
export type Traces = {
  readonly begin: (about: About, where: Where) => Span;
  /** Sends what was not sent yet, as far as that goes within the time. Never throws. */
  readonly close: (deadlineMs: number) => Promise<void>;
};

/** Of the async context, which is the process's own: two services in one process never see each other's. */
const current = new AsyncLocalStorage<Span>();

/** Does something with this span as its place. */
export function within<T>(span: Span, work: () => T): T {
  return current.run(span, work);
}

/** Does something in a span of its own, below the one that is open. Nothing is traced where none is. */
export async function inSpan<T>(
  about: () => About,
  work: (span: Pick<Span, 'set' | 'fail'>) => Promise<T>,
): Promise<T> {
  const above = current.getStore();
  if (above === undefined) return work(UNTRACED);
  const span = above.begin(about(), { kind: 'child', of: above.point });
  try {
    return await within(span, () => work(span));
  } catch (error) {
    span.fail(errorType(error));
    throw error;
  } finally {
    span.end();
  }
}

const UNTRACED: Pick<Span, 'set' | 'fail'> = { set: () => undefined, fail: () => undefined };

/** The span that is open, if any: to say more of it. */
export function openSpan(): Span | undefined {
  return current.getStore();
}

/** What a log line says of its place, so that it is found beside its span. */
export function traceFields(): { readonly trace_id?: string; readonly span_id?: string } {
  const span = current.getStore();
  return span === undefined ? {} : { trace_id: span.point.traceId, span_id: span.point.spanId };
}

/**
 * What a job carries of the place where it is added, among its options, as BullMQ's own tracing does. A payload never holds it: a
 * job is the same with traces and without.
 */
export function carriedTrace(): { readonly telemetry?: { readonly metadata: string } } {
  const span = current.getStore();
  return span === undefined ? {} : { telemetry: { metadata: formatTraceparent(span.point) } };
}

/** The form of W3C's `traceparent`. A version other than 00 may be longer, and is not read. */
const TRACEPARENT = /^00-((?!0{32})[0-9a-f]{32})-((?!0{16})[0-9a-f]{16})-[0-9a-f]{2}$/;

/** The place that a `traceparent` names; null for whatever is none. Anybody may have sent or stored it. */
export function parseTraceparent(text: unknown): TracePoint | null {
  const [, traceId, spanId] = z.string().max(55).safeParse(text).data?.match(TRACEPARENT) ?? [];
  return traceId === undefined || spanId === undefined ? null : { traceId, spanId };
}

function formatTraceparent({ traceId, spanId }: TracePoint): string {
  return `00-${traceId}-${spanId}-01`;
}

/** The first span of the trace of a run, or of a request, which is named by a UUID too. */
export function firstSpanOf(id: RunId): TracePoint {
  const spanId = createHash('sha256').update(`first span of ${id}`).digest('hex').slice(0, 16);
  return { traceId: id.replaceAll('-', '').toLowerCase(), spanId };
}

/** Marks the start of a run that no request started: everything else of the run is below this. */
export function markRunStart(run: RunId, name: string): void {
  const span = current.getStore();
  const about = { name, kind: 'internal', attributes: { 'quorum.run_id': run } } as const;
  span?.begin(about, { kind: 'first', point: firstSpanOf(run), link: span.point }).end();
}

/** What went wrong, in a word of a closed list. */
export function errorType(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof QuorumError) return cause.category;
    if (cause instanceof SnapshotError) return cause.kind;
    // The clients of HTTP that we use.
    if ('status' in cause && typeof cause.status === 'number') return String(cause.status);
  }
  return error instanceof Error ? error.name : 'unknown';
}
