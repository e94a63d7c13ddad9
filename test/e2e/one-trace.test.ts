/**
 * One run is one trace, followed in memory: gateway, fetcher, and workers of `decide` and `vote` that ask a model and the sequencer,
 * all in this process, each with traces of its own as if it were alone. `traces.test.ts` is the same over the real processes.
 */
import { createModelClient } from '@quorum/decider/ask';
import { callModel } from '@quorum/decider/model-call';
import { createModelMetrics } from '@quorum/decider/model-metrics';
import { GatewayConfig } from '@quorum/gateway/config';
import { startGateway } from '@quorum/gateway/gateway';
import { handler } from '@quorum/shared/job-handler';
import { JOBS } from '@quorum/shared/jobs';
import { liveConfig } from '@quorum/shared/live-config';
import { createMetrics } from '@quorum/shared/metrics';
import { Outcome } from '@quorum/shared/outcome';
import { AgentRunAccepted } from '@quorum/shared/run';
import { runWorker } from '@quorum/shared/run-worker';
import { tracedSequencer } from '@quorum/shared/trace-upstream';
import { Envelope } from '@quorum/snapshot/envelope';
import { createSequencer } from '@quorum/snapshot/sequencer';
import { afterAll, expect, test } from 'vitest';
import { aDecision, aHash, quiet } from '../../packages/shared/test/samples.ts';
import { tracesInMemory, type SeenSpan } from '../../packages/shared/test/traces.ts';
import { recorded } from '../../packages/snapshot/test/recorded.ts';
import { useFlow, type FlowStand } from '../../services/fetcher/test/flow.ts';
import { PATIENT } from '../patience.ts';
import { UNLIMITED } from '../unlimited.ts';

const flow = useFlow();
const memories = {
  gateway: tracesInMemory('gateway'),
  fetcher: tracesInMemory('fetcher'),
  decider: tracesInMemory('decider'),
  voter: tracesInMemory('voter'),
};
const closers: (() => Promise<unknown>)[] = [];
const close = async (): Promise<void> => {
  for (const one of closers.splice(0).toReversed()) await one();
};
afterAll(close);

async function aGateway({ server }: FlowStand, owner: string): Promise<string> {
  const env = { REDIS_URL: server.url, PORT: '0', ALLOW_ANONYMOUS: '1', OWNER_ID: owner, ENQUEUE_TIMEOUT_MS: '10000' };
  const local = 'http://127.0.0.1:9/';
  const upstreams = { SNAPSHOT_HUB_URL: local, SNAPSHOT_SEQUENCER_URL: local, OPENAI_BASE_URL: local };
  const config = liveConfig('gateway', GatewayConfig, { env: { ...env, ...upstreams, ...UNLIMITED }, file: null });
  const stack = { add: (_name: string, end: () => Promise<void>) => closers.push(end) };
  return (await startGateway(config, quiet, stack, async () => memories.gateway.traces)).url;
}

const common = ({ redis }: FlowStand) =>
  ({ connection: redis, concurrency: 4, log: quiet, metrics: createMetrics('test') }) as const;

/** Asks the sandbox's model, and decides whatever it says. */
function aDecider(stand: FlowStand): void {
  const deps = {
    client: createModelClient({ baseUrl: `${stand.sandbox.url}/v1`, apiKey: 'any' }),
    timeoutMs: PATIENT.timeout,
    settings: { maxOutputTokens: 1_000 },
    prices: {},
    metrics: createModelMetrics(createMetrics('model').registry),
    log: quiet,
  };
  const messages = [{ role: 'user', content: 'Which?' }] as const;
  const decide = handler(JOBS.decide, {
    async handle(ref, _attempt, signal) {
      await callModel({ model: 'careful', messages, schema: { type: 'object' } }, deps, signal);
      const sealed = { decision: aDecision(ref), mac: aHash() };
      await stand.records.decide(ref.run_id, ref.proposal_id, { kind: 'decided', sealed });
      return { kind: 'decided' } as const;
    },
  });
  const traces = memories.decider.traces;
  const worker = runWorker({ queue: 'decide', handlers: { decide }, ...common(stand), traces });
  closers.push(() => worker.close(0));
}

/** Sends the sequencer a vote, and takes whatever it answers. */
function aVoter(stand: FlowStand): void {
  const url = `${stand.sandbox.url}/`;
  const sequencer = tracedSequencer(url, createSequencer({ url, timeoutMs: PATIENT.timeout }));
  const envelope = Envelope.parse(recorded('vote-single-choice').request.body);
  const never = async (): Promise<never> => expect.fail('nobody adds this');
  const vote = handler(JOBS.vote, {
    async handle({ run_id, proposal_id }, _attempt, signal) {
      expect(await sequencer.submit(envelope, signal)).toMatchObject({ kind: 'refused' });
      const outcome = Outcome.parse({ kind: 'failed', why: 'vote_rejected' });
      await stand.records.settle(run_id, proposal_id, { outcome, settled_at: Date.now() });
      return outcome;
    },
  });
  const handlers = {
    vote,
    sweep: handler(JOBS.sweep, { handle: never }),
    seal: handler(JOBS.seal, { handle: never }),
    'cast-hold': handler(JOBS['cast-hold'], { handle: never }),
    expire: handler(JOBS.expire, { handle: never }),
  };
  const worker = runWorker({ queue: 'vote', handlers, ...common(stand), traces: memories.voter.traces });
  closers.push(() => worker.close(0));
}

test('a run is one trace from the request to what the sequencer answers, each span below what led to it', async () => {
  const stand = flow();
  const { owner, space } = await stand.ask(2);
  const url = await aGateway(stand, owner);
  stand.fetcher({ traces: memories.fetcher.traces });
  aDecider(stand);
  aVoter(stand);
  const asked = await fetch(`${url}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ space_id: space }),
  });
  const { run_id: runId } = AgentRunAccepted.parse(await asked.json());
  await stand.ended(runId);
  await stand.closeWorkers();
  await close();

  const seen = await Promise.all(Object.values(memories).map((memory) => memory.seen()));
  const spans = seen.flat().filter(({ traceId }) => traceId === runId.replaceAll('-', ''));
  const pathTo = (span: SeenSpan): string => {
    const above = spans.find(({ spanId }) => spanId === span.parent);
    return above === undefined ? span.name : `${pathTo(above)} > ${span.name}`;
  };
  const root = 'POST /agent-run > process agent-run';
  expect(spans.map(pathTo).toSorted()).toEqual(
    [
      'POST /agent-run',
      root,
      root,
      ...[1, 2].flatMap(() => [
        `${root} > process decide`,
        `${root} > process decide > chat careful`,
        `${root} > process vote`,
        `${root} > process vote > submit vote`,
      ]),
    ].toSorted(),
  );
  const answers = spans.filter(({ name }) => name === 'submit vote');
  for (const { attributes, failed } of answers) {
    expect(attributes).toMatchObject({ 'quorum.sequencer.answer': 'refused', 'quorum.run_id': runId });
    expect(failed).toBe(true);
  }
});
