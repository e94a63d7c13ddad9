/** Traces by OpenTelemetry's SDK: spans that are sent to a collector in batches, behind the work. Loaded only where traces are on. */
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags, type SpanContext } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Logger } from './log.ts';
import type { About, Attributes, Span, TracePoint, Traces, Where } from './trace-context.ts';

const SECOND_MS = 1_000;
/** For one batch. Shorter than a shutdown, which waits for the last one. */
const SEND_MS = 5 * SECOND_MS;
/** Spans are dropped beyond this: a collector that is away must not fill the memory. */
const MOST_WAITING = 4_096;
/** Longer than anything that we say of a span; what a client sends as its path or space may be longer. */
const LONGEST_ATTRIBUTE = 256;

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const satisfies Record<About['kind'], SpanKind>;

/** What every span below one says as well. */
const HANDED_DOWN = ['quorum.run_id', 'quorum.proposal_id'] as const;

export type TracesOptions = {
  readonly service: string;
  readonly exporter: SpanExporter;
  readonly log: Logger;
  /** How long spans wait for others to be sent with. Default: a second. */
  readonly batchMs?: number;
};

/** Sends spans to a collector by OTLP over HTTP, as JSON. The endpoint is the base, as OpenTelemetry defines that variable. */
export function createOtlpExporter(endpoint: string, headers: Readonly<Record<string, string>>): SpanExporter {
  const url = new URL(endpoint);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return new OTLPTraceExporter({ url: url.toString(), headers: { ...headers }, timeoutMillis: SEND_MS });
}

/** Traces that go to this exporter. */
export function createTraces({ service, exporter, log, batchMs = SECOND_MS }: TracesOptions): Traces {
  const ids = new ChosenIds();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service, 'service.namespace': 'quorum' }),
    spanLimits: { attributeValueLengthLimit: LONGEST_ATTRIBUTE },
    idGenerator: ids,
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: telling(exporter, log),
        scheduledDelayMillis: batchMs,
        exportTimeoutMillis: SEND_MS,
        maxQueueSize: MOST_WAITING,
      }),
    ],
  });
  const tracer = provider.getTracer('quorum');

  function begin({ name, kind, attributes }: About, where: Where): Span {
    const links = where.kind === 'child' || where.link === null ? [] : [{ context: contextOf(where.link) }];
    const parent = where.kind === 'child' ? trace.setSpanContext(ROOT_CONTEXT, contextOf(where.of)) : ROOT_CONTEXT;
    const options = { kind: KINDS[kind], attributes: { ...attributes }, links };
    const span = ids.choosing(where.kind === 'first' ? where.point : null, () =>
      tracer.startSpan(name, options, parent),
    );
    const said = new Map<string, Attributes[string]>();
    const note = (more: Attributes): void => {
      for (const key of HANDED_DOWN) if (more[key] !== undefined) said.set(key, more[key]);
    };
    note(attributes);
    const { traceId, spanId } = span.spanContext();
    return {
      point: { traceId, spanId },
      begin: (about, below) =>
        begin({ ...about, attributes: { ...Object.fromEntries(said), ...about.attributes } }, below),
      set(more) {
        note(more);
        span.setAttributes({ ...more });
      },
      rename: (to) => void span.updateName(to),
      fail(type) {
        span.setAttribute('error.type', type);
        span.setStatus({ code: SpanStatusCode.ERROR });
      },
      end: () => span.end(),
    };
  }

  return {
    begin,
    async close(deadlineMs) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, deadlineMs);
      const flushed = provider.shutdown().catch((error: unknown) => log.warn({ err: error }, 'last spans not sent'));
      await Promise.race([flushed, late]);
      clearTimeout(timer);
    },
  };
}

/** Another process's span, or another async context's, as the SDK wants it. */
function contextOf({ traceId, spanId }: TracePoint): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** Random ids, but for a span that is begun with chosen ones. The SDK asks for them while it begins the span, not later. */
class ChosenIds extends RandomIdGenerator {
  #chosen: TracePoint | null = null;

  choosing<T>(point: TracePoint | null, begin: () => T): T {
    this.#chosen = point;
    try {
      return begin();
    } finally {
      this.#chosen = null;
    }
  }

  override generateTraceId(): string {
    return this.#chosen?.traceId ?? super.generateTraceId();
  }

  override generateSpanId(): string {
    return this.#chosen?.spanId ?? super.generateSpanId();
  }
}

/** Of an exporter's result. */
const SUCCESS = 0;

/** An exporter that says when it cannot send, once an outage, and when it can again. */
function telling(exporter: SpanExporter, log: Logger): SpanExporter {
  let down = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const code: number = result.code;
        const failed = code !== SUCCESS;
        if (failed && !down) log.warn({ err: result.error }, 'spans cannot be sent');
        if (!failed && down) log.info('spans are sent again');
        down = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
  };
}
