/** One run is one trace: over real processes, to a collector that takes what OpenTelemetry sends. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startCollector, type CollectedSpan, type Collector } from '../collector.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SPACE, SURE, WANTED } from './world.ts';

const INSTRUCTIONS = 'Not one coin of ours for marketing, ever.';
const PROPOSALS = [proposalId(0), proposalId(1)];

let collector: Collector;
let stack: Stack;
let runId: string;
/** The trace of the run. */
let spans: readonly CollectedSpan[];

beforeAll(async () => {
  collector = await startCollector();
  stack = await startStack({
    world: openWorld(),
    space: SPACE,
    preferences: { ...EVERYTHING, instructions: INSTRUCTIONS },
    env: {
      ...SURE,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-collector-key=sesame%20open',
    },
  });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
  runId = (await stack.post()).run_id;
  const { votes_cast: cast } = await stack.finished(runId);
  expect(cast.map(({ proposal_id: id }) => id).toSorted()).toEqual(PROPOSALS);
  const ours = (): CollectedSpan[] => collector.spans().filter(({ traceId }) => traceId === runId.replaceAll('-', ''));
  // Of each process the last that it sends of this run.
  const whole = (all: readonly CollectedSpan[]): boolean =>
    ['POST /agent-run', 'process decide', 'process vote'].every((name) => all.some((span) => span.name === name)) &&
    all.some(({ name, attributes }) => name === 'process agent-run' && attributes['quorum.job.end'] === 'completed');
  spans = await until('the end of the trace', async () => whole(ours()) && ours());
});
afterAll(async () => {
  await stack.stop();
  await collector.close();
});

const named = (name: string): CollectedSpan[] => spans.filter((span) => span.name === name);

function only(found: readonly CollectedSpan[]): CollectedSpan {
  const [first, ...more] = found;
  if (first === undefined || more.length > 0) throw new Error(`${found.length} spans where one was wanted`);
  return first;
}

/** The names of the spans from the first of the trace down to this one. */
function pathTo(span: CollectedSpan): string[] {
  const above = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return above === undefined ? [span.name] : [...pathTo(above), span.name];
}

test('it is named by the run, and begins with the request', () => {
  const first = only(spans.filter(({ parentSpanId }) => parentSpanId === undefined));
  expect(first).toMatchObject({ name: 'POST /agent-run', service: 'gateway' });
  expect(first.attributes).toMatchObject({ 'http.route': '/agent-run', 'http.response.status_code': 202 });
  for (const { attributes } of spans) expect(attributes['quorum.run_id']).toBe(runId);
});

test.each(PROPOSALS)('it leads from the request to the answer of the sequencer on %s', (proposal) => {
  const of = (name: string): CollectedSpan[] =>
    named(name).filter(({ attributes }) => attributes['quorum.proposal_id'] === proposal);
  const vote = only(of('submit vote'));
  expect(pathTo(vote)).toEqual(['POST /agent-run', 'process agent-run', 'process vote', 'submit vote']);
  expect(vote).toMatchObject({ service: 'voter', attributes: { 'quorum.sequencer.answer': 'accepted' } });

  const asked = of('chat owned');
  expect(asked.length).toBeGreaterThanOrEqual(3);
  for (const span of asked) {
    expect(pathTo(span)).toEqual(['POST /agent-run', 'process agent-run', 'process decide', 'chat owned']);
    expect(span).toMatchObject({ service: 'decider', attributes: { 'gen_ai.request.model': 'owned' } });
  }
});

test('the fetcher is in it twice: to fetch, with what it asked the hub, and to summarise', () => {
  const runs = named('process agent-run').map(({ attributes }) => attributes['quorum.job.end']);
  expect(runs).toEqual(['waits_for_children', 'completed']);
  expect(pathTo(only(named('query ActiveProposals')))).toEqual([
    'POST /agent-run',
    'process agent-run',
    'query ActiveProposals',
  ]);
});

test('nothing in it is a secret, or the words of an owner or a proposal', () => {
  const sent = collector.text();
  for (const word of [INSTRUCTIONS, 'marketing', 'Proposal 1 of', 'bench at the harbour', WANTED, 'sesame']) {
    expect(sent).not.toContain(word);
  }
  expect(new Set(collector.headers().map((headers) => headers['x-collector-key']))).toEqual(new Set(['sesame open']));
});

test('a log line names its span, and no header of the collector', async () => {
  const logs = await stack.logs();
  expect(logs).not.toContain('sesame');
  const Line = z.looseObject({ msg: z.string(), run_id: z.string().optional(), trace_id: z.string().optional() });
  const lines = logs.split('\n').flatMap((line) => (line.startsWith('{') ? [Line.parse(JSON.parse(line))] : []));
  const executed = lines.filter(({ msg, run_id }) => msg === 'vote executed' && run_id === runId);
  expect(executed).toHaveLength(2);
  for (const line of executed) {
    expect(named('process vote')).toContainEqual(
      expect.objectContaining({ traceId: line.trace_id, spanId: line['span_id'] }),
    );
  }
});
