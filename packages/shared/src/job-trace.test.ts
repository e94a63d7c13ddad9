import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JOB, untilStopped, useJobs } from '../test/jobs.ts';
import { quiet } from '../test/samples.ts';
import { tracesInMemory } from '../test/traces.ts';
import { useRedis } from '../test/world.ts';
import { QuorumError } from './errors.ts';
import { newRunId } from './ids.ts';
import { handler, type JobHandling } from './job-handler.ts';
import { createMetrics } from './metrics.ts';
import { PostponeError, runWorker } from './run-worker.ts';
import { carriedTrace, firstSpanOf, inSpan, markRunStart, within } from './trace-context.ts';

const { redis, server } = useRedis();
const { queue, end, closeLater, closeWorkers } = useJobs({ redis, server });

const Payload = z.looseObject({});
const Result = z.object({ done: z.boolean() });
type Handle = JobHandling<z.infer<typeof Payload>, z.infer<typeof Result>>['handle'];
const NEW = { kind: 'new', link: null } as const;
const DONE = async () => ({ done: true });

let memory = tracesInMemory();
afterEach(() => {
  memory = tracesInMemory();
});

/** A worker that is traced; the jobs of its queue do this. */
function work(handle: Handle): void {
  closeLater(
    runWorker({
      queue: 'decide',
      handlers: { decide: handler({ ...JOB, payload: Payload, result: Result }, { handle }) },
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics: createMetrics('test'),
      traces: memory.traces,
    }),
  );
}

const add = (data: Record<string, unknown>, metadata?: string) =>
  queue().add('decide', data, {
    attempts: 3,
    backoff: { type: 'fixed', delay: 5 },
    ...(metadata === undefined ? {} : { telemetry: { metadata } }),
  });

/** The spans, once nobody works any more. */
async function seen() {
  await closeWorkers();
  return memory.seen();
}

describe('the span of a job of a run', () => {
  it('is in the trace of the run, below what added it, and what is asked within is below it', async () => {
    const run_id = newRunId();
    const adder = memory.traces.begin(
      { name: 'POST /agent-run', kind: 'server', attributes: {} },
      { kind: 'first', point: firstSpanOf(run_id), link: null },
    );
    const carried = within(adder, carriedTrace).telemetry?.metadata;
    adder.end();
    work((_payload, _attempt, _signal) => inSpan(() => ({ name: 'ask', kind: 'client', attributes: {} }), DONE));
    await end(await add({ run_id, proposal_id: '0xabc' }, carried));

    const [post, ask, job] = await seen();
    expect(new Set([post, ask, job].map((span) => span?.traceId))).toEqual(new Set([run_id.replaceAll('-', '')]));
    expect(post).toMatchObject({ name: 'POST /agent-run', parent: null });
    expect(job).toMatchObject({ name: 'process decide', parent: post?.spanId, failed: false });
    expect(job?.attributes).toMatchObject({ 'quorum.job.end': 'completed', 'messaging.destination.name': 'decide' });
    expect(ask).toMatchObject({ name: 'ask', parent: job?.spanId });
    expect(ask?.attributes).toEqual({ 'quorum.run_id': run_id, 'quorum.proposal_id': '0xabc' });
  });

  it('is one for each attempt, all in one trace', async () => {
    const run_id = newRunId();
    work(async (_payload, { number }) => {
      if (number === 1) throw new QuorumError('upstream_unavailable', 'The words of a hub.');
      return { done: true };
    });
    await end(await add({ run_id }));
    const spans = await seen();
    expect(spans.map(({ attributes }) => [attributes['quorum.job.attempt'], attributes['quorum.job.end']])).toEqual([
      [1, 'failed'],
      [2, 'completed'],
    ]);
    expect(spans[0]).toMatchObject({ failed: true, attributes: { 'error.type': 'upstream_unavailable' } });
    expect(JSON.stringify(spans)).not.toContain('words');
    for (const { traceId, parent } of spans) expect({ traceId, spanId: parent }).toEqual(firstSpanOf(run_id));
  });

  it('says that it was postponed, and that is no failure', async () => {
    work(async (_payload, { pickups }) => {
      if (pickups === 1) throw new PostponeError(1, 'the hub asks for fewer requests');
      return { done: true };
    });
    await end(await add({ run_id: newRunId() }));
    const spans = await seen();
    expect(spans.map(({ failed, attributes }) => [failed, attributes['quorum.job.end']])).toEqual([
      [false, 'postponed'],
      [false, 'completed'],
    ]);
  });

  it('is in that trace too where another worker is handed the job', async () => {
    const run_id = newRunId();
    const begun = Promise.withResolvers<void>();
    work((_payload, _attempt, signal) => {
      begun.resolve();
      return untilStopped(signal);
    });
    const job = await add({ run_id });
    await begun.promise;
    await closeWorkers();
    work(DONE);
    await end(job);
    const spans = await seen();
    expect(spans.map(({ attributes }) => [attributes['quorum.job.pickup'], attributes['quorum.job.end']])).toEqual([
      [1, 'handed_back'],
      [2, 'completed'],
    ]);
    for (const { traceId, parent } of spans) expect({ traceId, spanId: parent }).toEqual(firstSpanOf(run_id));
  });

  it('is in that trace too where the job was lost, and is put back by somebody else', async () => {
    const run_id = newRunId();
    const watchdog = memory.traces.begin({ name: 'process watchdog', kind: 'consumer', attributes: {} }, NEW);
    const carried = within(watchdog, carriedTrace).telemetry?.metadata;
    work(DONE);
    await end(await add({ run_id }));
    await end(await add({ run_id }, carried));
    const spans = await seen();
    expect(spans).toHaveLength(2);
    for (const { traceId, parent } of spans) expect({ traceId, spanId: parent }).toEqual(firstSpanOf(run_id));
  });

  it.each([
    ['too long', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01-${'c'.repeat(5_000)}`],
    ['of zeros', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
    ['no trace', 'DROP TABLE'],
  ])('stands whatever the job carries: %s', async (_what, carried) => {
    const run_id = newRunId();
    work(DONE);
    await end(await add({ run_id }, carried));
    const [job] = await seen();
    expect({ traceId: job?.traceId, spanId: job?.parent }).toEqual(firstSpanOf(run_id));
  });
});

describe('the span of another job', () => {
  it('begins a trace of its own where nothing led to it', async () => {
    work(DONE);
    await end(await add({ run_id: 'no run' }));
    const [job] = await seen();
    expect(job).toMatchObject({ parent: null, links: [] });
  });

  it('is below what added it: the vote of a hold below the answer to it', async () => {
    const answer = memory.traces.begin({ name: 'POST /holds/:id', kind: 'server', attributes: {} }, NEW);
    work(DONE);
    await end(await add({ hold_id: 'a'.repeat(32) }, within(answer, carriedTrace).telemetry?.metadata));
    answer.end();
    const [job, request] = await seen();
    expect(job).toMatchObject({ traceId: request?.traceId, parent: request?.spanId });
    expect(job?.attributes['quorum.hold_id']).toBe('a'.repeat(32));
  });

  it('that starts a run is linked to the first span of that run', async () => {
    const run = newRunId();
    work(async () => {
      markRunStart(run, 'start run');
      return { done: true };
    });
    await end(await add({}));
    const [start, turn] = await seen();
    expect(start).toMatchObject({ ...firstSpanOf(run), name: 'start run', parent: null, links: [turn?.traceId] });
    expect(turn?.traceId).not.toBe(start?.traceId);
  });
});

it('a worker that is not traced lets its jobs carry nothing', async () => {
  const carried: unknown[] = [];
  closeLater(
    runWorker({
      queue: 'decide',
      handlers: {
        decide: handler(
          { ...JOB, payload: Payload, result: Result },
          {
            handle: async () => {
              carried.push(
                await inSpan(
                  () => expect.fail('a span was begun'),
                  async () => carriedTrace(),
                ),
              );
              return { done: true };
            },
          },
        ),
      },
      connection: redis(),
      concurrency: 1,
      log: quiet,
      metrics: createMetrics('test'),
    }),
  );
  await end(await add({ run_id: newRunId() }));
  expect(carried).toEqual([{}]);
});
