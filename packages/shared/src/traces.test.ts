import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { listeningLogger, quiet } from '../test/samples.ts';
import { tracesInMemory } from '../test/traces.ts';
import { CommonConfig, parseConfig } from './config.ts';
import { RunId } from './ids.ts';
import { urlOf } from './probe.ts';
import { carriedTrace, firstSpanOf, parseTraceparent, within } from './trace-context.ts';
import { createOtlpExporter, createTraces } from './traces-otel.ts';
import { openTraces } from './traces.ts';

const ABOUT = { name: 'work', kind: 'internal', attributes: {} } as const;
const anyRun = fc.uuid().map((id) => RunId.parse(id));
const NEW = { kind: 'new', link: null } as const;

describe('while no endpoint is set', () => {
  it('there are no traces', async () => {
    expect(await openTraces('voter', parseConfig(CommonConfig, {}), quiet)).toBeNull();
  });

  // Its API is: prom-client imports that.
  it('the SDK of OpenTelemetry is not even loaded', async () => {
    const program = `import { registerHooks } from 'node:module';
      const asked = [];
      registerHooks({ resolve(name, context, next) { asked.push(name); return next(name, context); } });
      const [{ openTraces }] = await Promise.all(['traces', 'worker-service', 'run-worker', 'trace-upstream'].map((name) => import('./src/' + name + '.ts')));
      const seen = () => asked.filter((name) => /opentelemetry.(sdk|exporter|resources)/.test(name)).length;
      await openTraces('voter', {}, null);
      const off = seen();
      await openTraces('voter', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }, null);
      console.log(JSON.stringify({ off, on: seen() > 0 }));`;
    const options = { cwd: dirname(import.meta.dirname) };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], options);
    expect(JSON.parse(stdout)).toEqual({ off: 0, on: true });
  });
});

describe('a collector', () => {
  it('that refuses is told of once, and so is that it takes spans again', async () => {
    let status = 400;
    const paths = new Set<string | undefined>();
    const server = createServer((request, response) => {
      paths.add(request.url);
      request.resume().on('end', () => response.writeHead(status).end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { log, lines } = listeningLogger();
    const exporter = createOtlpExporter(`${urlOf(server.address(), '127.0.0.1')}/prefix/`, {});
    const traces = createTraces({ service: 'voter', exporter, log, batchMs: 1 });
    const told = (): unknown[] => lines.map(({ msg }) => msg);
    const refusals: string[] = [];
    server.on('request', () => refusals.push('one'));
    try {
      traces.begin(ABOUT, NEW).end();
      await expect.poll(told, PATIENT).toEqual(['spans cannot be sent']);
      traces.begin(ABOUT, NEW).end();
      await expect.poll(() => refusals.length, PATIENT).toBe(2);
      status = 200;
      traces.begin(ABOUT, NEW).end();
      await expect.poll(told, PATIENT).toEqual(['spans cannot be sent', 'spans are sent again']);
      expect([...paths]).toEqual(['/prefix/v1/traces']);
    } finally {
      await traces.close(0);
      server.closeAllConnections();
      server.close();
    }
  });

  it('that takes a request and never answers keeps neither the work waiting nor the end', async () => {
    const asked = Promise.withResolvers<void>();
    const server = createServer(() => asked.resolve());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const exporter = createOtlpExporter(urlOf(server.address(), '127.0.0.1'), {});
    const traces = createTraces({ service: 'voter', exporter, log: quiet, batchMs: 1 });
    try {
      traces.begin(ABOUT, NEW).end();
      await asked.promise;
      // More than may wait, while the first batch is under way.
      for (let nth = 0; nth < 10_000; nth += 1) traces.begin(ABOUT, NEW).end();
      const began = performance.now();
      await traces.close(100);
      // The SDK alone would wait 5 s for each batch.
      expect(performance.now() - began).toBeLessThan(4_000);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('is sent no more of an attribute than we would ever say', async () => {
    const { traces, seen } = tracesInMemory();
    traces.begin({ ...ABOUT, attributes: { long: 'x'.repeat(10_000) } }, NEW).end();
    const [span] = await seen();
    expect(span?.attributes['long']).toBe('x'.repeat(256));
  });
});

describe('a place in a trace', () => {
  property.prop([anyRun])('is carried as it is', (run) => {
    const { traces } = tracesInMemory();
    const span = traces.begin(ABOUT, { kind: 'first', point: firstSpanOf(run), link: null });
    expect(span.point).toEqual(firstSpanOf(run));
    expect(parseTraceparent(within(span, carriedTrace).telemetry?.metadata)).toEqual(span.point);
  });

  property.prop([anyRun, anyRun])('is one for each run', (one, other) => {
    expect(firstSpanOf(one).traceId === firstSpanOf(other).traceId).toBe(one === other);
    expect(firstSpanOf(one).spanId === firstSpanOf(other).spanId).toBe(one === other);
  });

  property.prop([fc.oneof(fc.anything(), fc.string({ minLength: 50, maxLength: 60 }))])(
    'is not read out of anything else',
    (text) => {
      expect(parseTraceparent(text)).toBeNull();
    },
  );
});

describe('the headers for a collector', () => {
  const headersOf = (text: string) =>
    parseConfig(CommonConfig, { OTEL_EXPORTER_OTLP_HEADERS: text }).OTEL_EXPORTER_OTLP_HEADERS;
  const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);

  property.prop([fc.dictionary(name, fc.string(), { minKeys: 1, noNullPrototype: true })])(
    'are those that were written, percent-encoded',
    (headers) => {
      const text = Object.entries(headers)
        .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
        .join(' , ');
      expect(headersOf(text)).toEqual(headers);
    },
  );

  it.each(['sesame', 'key sesame', 'key=%sesame', 'key=sesame\nother=x', '=sesame'])(
    'are refused unseen: %j',
    (text) => {
      expect(() => headersOf(text)).toThrow(/OTEL_EXPORTER_OTLP_HEADERS: is not name=value/);
      expect(() => headersOf(text)).not.toThrow(/sesame/);
    },
  );
});
