import { AgentRunAccepted } from '@quorum/shared/run';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startCollector, type CollectedSpan, type Collector } from '../../../test/collector.ts';
import { startTestRedis, type TestRedis } from '../../../test/redis.ts';
import { ask, openGateway, postRun, type Gateway } from '../test/stand.ts';

let redis: TestRedis;
let collector: Collector;
let gateway: Gateway;

beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  collector = await startCollector();
  gateway = await openGateway(redis.url, { OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/` });
});
afterEach(() => collector.close());

/** Every span, in the order of their ends; the gateway has ended by then, and has sent what it had. */
async function spansAtTheEnd(): Promise<readonly CollectedSpan[]> {
  await gateway.stop();
  return collector.spans();
}

const json = { 'content-type': 'application/json' };

describe('the span of a request', () => {
  test('has the id of the request, which is that of the run that it starts; a run that is joined is named', async () => {
    const first = await postRun(gateway, { space_id: 'traced.eth' });
    const second = await postRun(gateway, { space_id: 'traced.eth' });
    const { run_id } = AgentRunAccepted.parse(first.json);
    expect(AgentRunAccepted.parse(second.json)).toMatchObject({ run_id, joined: true });
    expect(first.headers['x-request-id']).toBe(run_id);
    const ids = [first, second].map(({ headers }) => String(headers['x-request-id']));
    const spans = await spansAtTheEnd();
    expect(spans.map(({ traceId }) => traceId)).toEqual(ids.map((id) => id.replaceAll('-', '')));
    for (const { name, attributes } of spans) {
      expect(name).toBe('POST /agent-run');
      expect(attributes['quorum.run_id']).toBe(run_id);
    }
  });

  test("is linked to the client's trace, and never a part of it", async () => {
    const [traceId, spanId] = ['a'.repeat(32), 'b'.repeat(16)];
    const asked = (traceparent: string) => postRun(gateway, { space_id: 'linked.eth' }, { traceparent });
    await asked(`00-${traceId}-${spanId}-01`);
    await asked(`00-${traceId}-${'0'.repeat(16)}-01`);
    const [linked, alone] = await spansAtTheEnd();
    expect(linked).toMatchObject({ links: [{ traceId, spanId }] });
    expect(linked?.traceId).not.toBe(traceId);
    expect(alone).toMatchObject({ links: [] });
  });

  test('says by its route what was asked, and not by what somebody wrote', async () => {
    await ask(`${gateway.url}/agent-run/sesame`, { method: 'DELETE', headers: json });
    await ask(`${gateway.url}/sesame?key=sesame`, { method: 'PUT', headers: json });
    await ask(`${gateway.url}/agent-run`, { method: 'PROPFIND', headers: json });
    const spans = await spansAtTheEnd();
    expect(spans.map(({ name, attributes }) => [name, attributes['http.response.status_code']])).toEqual([
      ['DELETE /agent-run/:id', 404],
      ['PUT none', 404],
      ['_OTHER /agent-run', 405],
    ]);
    expect(collector.text()).not.toContain('sesame');
  });

  test('is not there for what only reads', async () => {
    await Promise.all(['/', '/health', '/metrics', '/holds', '/agent-run/x'].map((path) => ask(gateway.url + path)));
    expect(await spansAtTheEnd()).toEqual([]);
  });
});

test('a collector that is away keeps nobody waiting: not a request, not the end', async () => {
  await collector.close();
  expect((await postRun(gateway, { space_id: 'away.eth' })).status).toBe(202);
  const began = performance.now();
  await gateway.stop();
  expect(performance.now() - began).toBeLessThan(10_000);
});
