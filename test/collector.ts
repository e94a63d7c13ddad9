/** A collector of traces: takes OTLP over HTTP as JSON, on a free port, and keeps what came. */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { urlOf } from '@quorum/shared/probe';
import { z } from 'zod';

const Value = z.looseObject({
  stringValue: z.string().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  boolValue: z.boolean().optional(),
});
const Attributes = z
  .array(z.object({ key: z.string(), value: Value }))
  .default([])
  .transform((all) =>
    Object.fromEntries(
      all.map(({ key, value }) => [
        key,
        value.stringValue ?? value.boolValue ?? (value.intValue === undefined ? null : Number(value.intValue)),
      ]),
    ),
  );
const Span = z.object({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  kind: z.number(),
  attributes: Attributes,
  links: z.array(z.object({ traceId: z.string(), spanId: z.string() })).default([]),
  status: z.object({ code: z.number().optional() }),
});
const Export = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: Attributes }),
      scopeSpans: z.array(z.object({ spans: z.array(Span) })),
    }),
  ),
});

export type CollectedSpan = z.infer<typeof Span> & { readonly service: unknown };

export type Collector = {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is set to. */
  readonly url: string;
  /** Every span so far, in the order of arrival. */
  readonly spans: () => readonly CollectedSpan[];
  /** The headers of each request. */
  readonly headers: () => readonly Readonly<Record<string, unknown>>[];
  /** Everything that came, as it came. */
  readonly text: () => string;
  readonly close: () => Promise<void>;
};

export async function startCollector(): Promise<Collector> {
  const exports: unknown[] = [];
  const headers: Readonly<Record<string, unknown>>[] = [];
  const server = createServer((request, response) => {
    if (request.method !== 'POST' || request.url !== '/v1/traces') {
      response.writeHead(404).end();
      return;
    }
    headers.push(request.headers);
    json(request).then(
      (body) => {
        exports.push(body);
        response.setHeader('content-type', 'application/json').end('{}');
      },
      () => response.writeHead(400).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: urlOf(server.address(), '127.0.0.1'),
    headers: () => headers,
    text: () => JSON.stringify(exports),
    spans: () =>
      exports.flatMap((body) =>
        Export.parse(body).resourceSpans.flatMap(({ resource, scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) =>
            spans.map((span) => ({ ...span, service: resource.attributes['service.name'] })),
          ),
        ),
      ),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
