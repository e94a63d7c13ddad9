/**
 * Mixed runs with faults, and what is counted of them: live and dry ones, some cancelled, some while voting is paused, with a hub, a
 * sequencer and a model that fail, jobs that are delivered twice, and two processes of each worker. What the metrics say must be what
 * the runs answered and what the sandbox holds, and every line that was logged one of the catalogue.
 */
import { faultOfLine } from '@quorum/shared/log-events';
import { RunId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { BULL_PREFIX } from '@quorum/shared/redis-keys';
import type { AgentRunView } from '@quorum/shared/run';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { samplesOf, sumsBy, tally, type Sample } from '../scraped.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

const SPACES = Array.from({ length: 10 }, (_, at) => `s${at}.eth`);
const HOUR_S = 3_600;
const MINUTE_MS = 60_000;
/** The sandbox takes as many as come. */
const AT_ONCE = { SEQUENCER_SENDS_PER_MINUTE: '600' } as const;

/** What goes wrong in a round. */
const FAULTS: readonly (readonly Readonly<Record<string, unknown>>[])[] = [
  [
    { endpoint: 'sequencer', share: 0.3, cut: 'after' },
    { endpoint: 'hub', share: 0.01, status: 503 },
  ],
  [{ endpoint: 'hub', share: 0.06, status: 503 }],
  [],
  [
    { endpoint: 'model', share: 0.2, status: 500 },
    { endpoint: 'model', share: 0.1, seed: 2, status: 200, body: 'no answer' },
  ],
  [{ endpoint: 'sequencer', share: 0.3, status: 500, stored: true }],
];

type Ended = { readonly view: AgentRunView; readonly requestId: string };

/** The tests, over so many runs; a multiple of ten. */
export function countsHold(runs: number, timeout: number): void {
  describe(`${runs} mixed runs with faults`, () => {
    let stack: Stack;
    let ended: readonly Ended[] = [];
    let samples: readonly Sample[] = [];
    let logs: readonly string[] = [];

    beforeAll(async () => {
      stack = await startStack({
        world: openWorld({ spaces: SPACES, types: [] }),
        space: SPACES[0] ?? '',
        moreSpaces: SPACES.slice(1),
        preferences: EVERYTHING,
        env: { ...SURE, DECIDER_SAMPLES: '1', DECIDER_SECOND_READING: 'never', LOG_LEVEL: 'debug', ...AT_ONCE },
      });
      await Promise.all([stack.start('voter'), stack.start('decider'), stack.start('fetcher')]);
      await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
      const all: Ended[] = [];
      for (let round = 0; round < runs / SPACES.length; round += 1) all.push(...(await runRound(stack, round)));
      ended = all;
      await settled(stack);
      samples = samplesOf(await stack.scrape());
      logs = (await stack.logs()).split('\n').filter((line) => line !== '');
    }, timeout);
    afterAll(() => stack.stop());

    test('are counted as their answers say, by the state in which they ended', () => {
      expect(ended).toHaveLength(runs);
      expect(sumsBy(samples, 'quorum_runs_total', ['status'])).toEqual(tally(ended.map(({ view }) => view.status)));
      expect(sumsBy(samples, 'quorum_run_duration_seconds_count', ['status'])).toEqual(
        tally(ended.map(({ view }) => view.status)),
      );
    });

    test('have each outcome counted once', () => {
      const outcomes = ended.flatMap(({ view }) => view.proposals.map(({ outcome }) => outcome));
      const named = outcomes.map((one) => (one === null ? 'none' : `${one.kind}/${'why' in one ? one.why : ''}`));
      expect(sumsBy(samples, 'quorum_outcomes_total', ['kind', 'why'])).toEqual(tally(named));
      // All were new to their run, and not one of these kinds is left to chance. Voting is paused in the second round.
      expect(outcomes.length).toBeGreaterThan(runs * 1.5);
      const sure = ['cast/', 'simulated/', ...(runs > SPACES.length ? ['held/voting_paused'] : [])];
      expect(Object.keys(tally(named))).toEqual(expect.arrayContaining(sure));
      // What a decision stands behind is in the response too, and says the same.
      const decisions = ended.flatMap(({ view }) => view.result?.decisions ?? []);
      expect(decisions.filter(({ outcome }) => outcome.kind === 'cast').length).toBe(tally(named)['cast/'] ?? 0);
    });

    test('have each vote counted that stands on the sandbox, and no other', () => {
      const { cast = 0, adopted = 0 } = sumsBy(samples, 'quorum_votes_total', ['result']);
      expect(cast + adopted).toBe(stack.sandbox.world.votes.length);
      expect(cast).toBeGreaterThan(0);
      expect(sumsBy(samples, 'quorum_vote_time_left_seconds_count', [])).toEqual({ '': cast });
    });

    test('have each request counted that reached the sandbox, at least', () => {
      const asked = sumsBy(samples, 'quorum_upstream_requests_total', ['upstream']);
      const received = tally(stack.sandbox.world.received.map(({ endpoint }) => endpoint));
      for (const upstream of ['hub', 'sequencer', 'model']) expect(asked[upstream]).toBeGreaterThan(0);
      expect(received['sequencer']).toBeGreaterThan(0);
    });

    test('are logged in lines of the catalogue, each with its own fields and no other', () => {
      expect(logs.length).toBeGreaterThan(runs * 5);
      const faults = logs.map((line) => [faultOfLine(line), line]).filter(([fault]) => fault !== null);
      expect(faults).toEqual([]);
    });

    test('name the request that began them in every service, from the first line to the vote', () => {
      const cast = ended.find(({ view }) => view.status === 'completed' && view.result?.votes_cast.length === 2);
      if (cast === undefined) throw new Error('no run cast two votes');
      const lines = logs.map((line): Record<string, unknown> => JSON.parse(line));
      const its = lines.filter(({ request_id: id }) => id === cast.requestId);
      const said = new Set(its.map(({ service, msg }) => `${String(service)}: ${String(msg)}`));
      for (const line of [
        'gateway: request answered',
        'fetcher: agent start',
        'decider: proposal analysed',
        'voter: vote executed',
        'fetcher: agent completed',
      ]) {
        expect(said).toContain(line);
      }
      const names = new Set(lines.filter(({ run_id: id }) => id === cast.view.run_id).map(({ request_id: id }) => id));
      expect([...names]).toEqual([cast.requestId]);
    });
  });
}

/** One run for each space: fresh proposals, and the faults of this round. */
async function runRound(stack: Stack, round: number): Promise<Ended[]> {
  const nowS = Math.floor(Date.now() / 1_000);
  await stack.control('PATCH', 'world', {
    proposals: SPACES.flatMap((space, at) =>
      (['basic', 'single-choice'] as const).map((type, nth) => ({
        id: `0x${String(1_000 * (round + 1) + 10 * at + nth).padStart(64, '0')}`,
        space,
        type,
        title: `Proposal ${nth} of round ${round}`,
        body: 'Build a bench at the harbour.',
        choices: ['Build it', 'Leave it', 'Abstain'],
        start: nowS - HOUR_S,
        end: nowS + 12 * HOUR_S,
      })),
    ),
  });
  // A list is shared for three seconds, in which a fast machine is at the next round.
  const shared = await stack.redis.keys('*:listing:*');
  if (shared.length > 0) await stack.redis.del(...shared);
  for (const fault of FAULTS[round % FAULTS.length] ?? []) await stack.control('POST', 'faults', fault);
  // Once in ten rounds: what is held then is voted on when it is resumed.
  const paused = round % 10 === 1;
  if (paused) await say(stack, '/voting/pause');
  const ended = await Promise.all(SPACES.map((space, at) => runOne(stack, space, at)));
  if (paused) await say(stack, '/voting/resume');
  await stack.control('DELETE', 'faults');
  return ended;
}

async function runOne(stack: Stack, space: string, at: number): Promise<Ended> {
  const response = await fetch(`${stack.url}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ space_id: space, dry_run: at === 3 }),
  });
  const { run_id: runId }: { run_id: string } = JSON.parse(await response.text());
  if (at === 5) await fetch(`${stack.url}/agent-run/${runId}`, { method: 'DELETE', headers: JSON_TYPE });
  if (at >= 7) await deliverTwice(stack, RunId.parse(runId));
  // Votes wait ever longer between their tries, a minute in the end.
  const view = await until(
    `the end of run ${runId}`,
    async () => {
      const now = await stack.view(runId);
      return now.result !== null && now;
    },
    5 * MINUTE_MS,
  );
  return { view, requestId: response.headers.get('x-request-id') ?? '' };
}

/** Adds each vote of a run again once it was decided, under another name, so that two voter services may work it at once. */
async function deliverTwice({ redis }: Stack, runId: RunId): Promise<void> {
  const records = createRecords(redis);
  const queue = new Queue('vote', { connection: redis, prefix: BULL_PREFIX });
  const run = await until('the decisions of a run, or its end', async () => {
    const now = await records.run(runId);
    const all = now?.opening !== null && now?.decisions.size === now?.opening.selected.length;
    return now !== null && (all || (now.state !== 'running' && now.state !== 'queued')) ? now : null;
  });
  for (const { proposal_id, content_hash } of run.opening?.selected ?? []) {
    const payload = { request_id: run.requestId ?? undefined, run_id: runId, proposal_id, content_hash };
    for (const nth of [1, 2])
      await queue.add('vote', payload, { jobId: `again-${nth}-${runId}-${proposal_id}`, priority: 1 });
  }
  await queue.close();
}

/** Waits until nothing is worked on any more but what is timed. */
async function settled({ redis }: Stack): Promise<void> {
  const records = createRecords(redis);
  const queues = ['agent-run', 'decide', 'vote'].map(
    (name) => new Queue(name, { connection: redis, prefix: BULL_PREFIX }),
  );
  await until(
    'the end of all work',
    async () => {
      const counts = await Promise.all(queues.map((queue) => queue.getJobCounts('active', 'waiting', 'prioritized')));
      const idle = counts.every((count) => Object.values(count).every((jobs) => jobs === 0));
      return idle && (await records.openRuns()).length === 0 && (await records.openHoldsAhead()).count === 0;
    },
    5 * MINUTE_MS,
  );
  await Promise.all(queues.map((queue) => queue.close()));
}

const JSON_TYPE = { 'content-type': 'application/json' };

async function say({ url }: Stack, path: string): Promise<void> {
  const response = await fetch(`${url}${path}`, { method: 'POST', headers: JSON_TYPE, body: '{}' });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
}
