/**
 * Traces of a service: OpenTelemetry, off unless OTEL_EXPORTER_OTLP_ENDPOINT is set. While they are off its SDK is not even loaded.
 * `trace-context.ts` says how a span finds its place, docs/operations/tracing.md what there is to see.
 */
import type { z } from 'zod';
import type { CommonConfig } from './config.ts';
import type { Logger } from './log.ts';
import type { Traces } from './trace-context.ts';

export type { Traces };

/** For what was not sent yet, at the end of a service: the last thing that it does. */
export const TRACES_CLOSE_MS = 2_000;

type TraceSettings = Pick<z.output<typeof CommonConfig>, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'OTEL_EXPORTER_OTLP_HEADERS'>;

/** The traces of a service; null: they are off. */
export async function openTraces(service: string, settings: TraceSettings, log: Logger): Promise<Traces | null> {
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return null;
  const { createOtlpExporter, createTraces } = await import('./traces-otel.ts');
  const exporter = createOtlpExporter(endpoint, settings.OTEL_EXPORTER_OTLP_HEADERS ?? {});
  return createTraces({ service, exporter, log });
}
