/** Traces that stay in memory, for a test to look at. */
import { SpanStatusCode } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { createTraces } from '../src/traces-otel.ts';
import type { Traces } from '../src/traces.ts';
import { quiet } from './samples.ts';

/** A span as tests speak of it. */
export type SeenSpan = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Null: the first of its trace. */
  readonly parent: string | null;
  /** The traces that it is linked to. */
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
};

/** OpenTelemetry's own forgets everything as the traces end, and then tests look. */
class Memory extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return this.forceFlush();
  }
}

/** Traces in memory. `seen` ends them: whatever has ended by then is there, in the order of its end. */
export function tracesInMemory(service = 'test'): { traces: Traces; seen: () => Promise<SeenSpan[]> } {
  const memory = new Memory();
  const traces = createTraces({ service, exporter: memory, log: quiet });
  return {
    traces,
    async seen() {
      await traces.close(5_000);
      return memory.getFinishedSpans().map((span) => ({
        name: span.name,
        ...span.spanContext(),
        parent: span.parentSpanContext?.spanId ?? null,
        links: span.links.map(({ context }) => context.traceId),
        attributes: span.attributes,
        failed: span.status.code === SpanStatusCode.ERROR,
      }));
    },
  };
}
