/** A hub at its worst: whatever it answers, the run ends as promised, and what the hub received shows how it was asked again. */
import type { RunId } from '@quorum/shared/ids';
import type { AgentRunResponse } from '@quorum/shared/run';
import type { SpaceId } from '@quorum/snapshot/proposal';
import { ACTIVE_PROPOSALS } from '@quorum/snapshot/queries';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import { listeningLogger } from '../../../packages/shared/test/samples.ts';
import { useFlow } from '../test/flow.ts';

const flow = useFlow();

const LIST = 'query ActiveProposals';
const ATTEMPTS = 4;
const GAP_MS = 100;
const RETRIES = { maxRetryAttempts: ATTEMPTS, retryDelayS: GAP_MS / 1_000 };
/** For one request, where the hub is to be too slow. */
const TIMEOUT_MS = 1_500;

/** When the hub received requests with this text, in milliseconds, since `from` others. */
function arrivals(text: string, from = 0): number[] {
  return flow()
    .sandbox.world.received.slice(from)
    .filter(({ endpoint, body }) => endpoint === 'hub' && JSON.stringify(body).includes(text))
    .map(({ arrived_ms: at }) => at);
}

const received = (): number => flow().sandbox.world.received.length;

async function responseOf(runId: RunId): Promise<AgentRunResponse> {
  const { response } = await flow().run(runId);
  expect.assert(response !== null);
  return response;
}

const saying = (message: string) => ({ errors: [{ message }], data: null });
const html = '<html><body><h1>Bad gateway</h1></body></html>';

type Case = {
  readonly what: string;
  readonly fault: Record<string, unknown>;
  readonly words: RegExp;
  readonly timeoutMs?: number;
};

const PASSING: readonly Case[] = [
  { what: 'a 500', fault: { status: 500, body: saying('oops') }, words: /does not answer.*oops/ },
  { what: 'a 503', fault: { status: 503, body: '' }, words: /does not answer/ },
  { what: 'a 200 with errors', fault: { status: 200, body: saying('request failed') }, words: /request failed/ },
  {
    what: 'a 200 with errors and half of the list',
    fault: { status: 200, body: { ...saying('statement timeout'), data: { proposals: [] } } },
    words: /statement timeout/,
  },
  { what: 'a 502 in HTML', fault: { status: 502, body: html }, words: /does not answer.*Bad gateway/ },
  { what: 'a 200 in HTML', fault: { status: 200, body: html }, words: /no GraphQL result/ },
  { what: 'a list that is none', fault: { status: 200, body: { data: { proposals: null } } }, words: /proposals: / },
  { what: 'a line that is cut before it answers', fault: { cut: 'before' }, words: /does not answer/ },
  { what: 'a line that is cut after it worked', fault: { cut: 'after' }, words: /does not answer/ },
  {
    what: 'silence',
    fault: { latency_ms: 600_000 },
    words: /no answer within 1500 ms/,
    timeoutMs: TIMEOUT_MS,
  },
];

describe('a fault that may pass', () => {
  it.for(PASSING)(
    '$what: the list is asked for again, ever later, and the run goes on',
    async ({ fault, timeoutMs = 5_000 }) => {
      const { ask, start, fetcher, decider, voter, ended } = flow();
      const [asker, from] = [await ask(1), received()];
      await flow().fault({ endpoint: 'hub', count: ATTEMPTS - 1, match: { body_contains: LIST }, ...fault });
      fetcher({ retries: RETRIES, timeoutMs });
      decider();
      voter();
      const runId = await start(asker, { retries: RETRIES });
      expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
      const { filter_metrics: counts, votes_cast: votes, errors } = await responseOf(runId);
      expect([counts.fetched, votes.length, errors]).toEqual([1, 1, []]);
      expectGrowingGaps(arrivals(LIST, from));
    },
  );

  it.for(PASSING)('$what that does not pass: the run fails after its last attempt, in words', async (one) => {
    const { ask, start, fetcher, ended, tryStart } = flow();
    const [asker, from] = [await ask(1), received()];
    await flow().fault({ endpoint: 'hub', share: 1, match: { body_contains: LIST }, ...one.fault });
    fetcher({ retries: RETRIES, timeoutMs: one.timeoutMs ?? 5_000 });
    const runId = await start(asker, { retries: RETRIES });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    const { errors, filter_metrics: counts } = await responseOf(runId);
    expect(errors).toEqual([expect.stringMatching(one.words)]);
    expect(errors[0]).toMatch(/^A service that Quorum needs does not answer: Snapshot's hub gave no usable answer: /);
    expect(counts).toMatchObject({ fetched: 0, selected: 0 });
    expectGrowingGaps(arrivals(LIST, from));
    expect(await tryStart(asker.owner, asker.space)).toBe('created');
  });
});

/** As many requests as attempts, each at least half of twice the wait before it later: the other half is chance. */
function expectGrowingGaps(at: readonly number[]): void {
  expect(at).toHaveLength(ATTEMPTS);
  for (const [n, time] of at.entries()) {
    const before = at[n - 1];
    // Two clocks tick in whole milliseconds.
    if (before !== undefined) expect(time - before).toBeGreaterThanOrEqual((GAP_MS * 2 ** (n - 1)) / 2 - 2);
  }
}

const LASTING: readonly Case[] = [
  {
    what: 'our bad variables in a 500',
    fault: { status: 500, body: saying('Variable "$space" of required type "String!" was not provided.') },
    words: /Variable "\$space"/,
  },
  {
    what: 'too many root fields in a 500',
    fault: { status: 500, body: saying('The query exceeds the maximum number of root selections (5)') },
    words: /root selections/,
  },
  {
    what: 'a limit of its own in a 200',
    fault: { status: 200, body: saying('The `first` argument must not be greater than 1000') },
    words: /must not be greater/,
  },
  { what: 'a 400', fault: { status: 400, body: saying('Unknown field') }, words: /Unknown field/ },
  { what: 'a 400 in HTML', fault: { status: 400, body: html }, words: /Bad gateway/ },
  { what: 'a 403', fault: { status: 403, body: { error: 'forbidden' } }, words: /forbidden/ },
  { what: 'a redirect', fault: { status: 307, headers: { location: '/' }, body: '' }, words: /refused/ },
];

describe('a fault that will be the same again', () => {
  it.for(LASTING)('$what: is asked for once, and the run fails in words', async ({ fault, words }) => {
    const { ask, start, fetcher, ended } = flow();
    const [asker, from] = [await ask(1), received()];
    await flow().fault({ endpoint: 'hub', share: 1, match: { body_contains: LIST }, ...fault });
    fetcher({ retries: RETRIES });
    const runId = await start(asker, { retries: RETRIES });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    const { errors } = await responseOf(runId);
    expect(errors).toEqual([expect.stringMatching(words)]);
    expect(errors[0]).toMatch(/^A service that Quorum needs refused the request: /);
    expect(arrivals(LIST, from)).toHaveLength(1);
  });

  it('a key that the hub does not know: names the setting', async () => {
    const { ask, start, fetcher, ended } = flow();
    const [asker, from] = [await ask(1), received()];
    fetcher({ retries: RETRIES, apiKey: 'not-a-key' });
    const runId = await start(asker, { retries: RETRIES });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    expect((await responseOf(runId)).errors).toEqual([expect.stringMatching(/mend SNAPSHOT_API_KEY, or leave it out/)]);
    expect(received() - from).toBe(1);
  });
});

describe('a malformed field', () => {
  it('drops its proposal alone, which the owner is told by its id, and the rest go on', async () => {
    const { ask, start, fetcher, decider, voter, ended, fault } = flow();
    const asker = await ask(2);
    const [odd = ''] = asker.ids;
    // What the hub has of both, with a type that nobody knows for one.
    const rows = (await listAnswer(asker.space)).map((row) => (row['id'] === odd ? { ...row, type: 'shouting' } : row));
    const body = { data: { proposals: rows } };
    await fault({ endpoint: 'hub', count: 1, status: 200, body, match: { body_contains: LIST } });
    const { log, lines } = listeningLogger();
    fetcher({ log });
    decider();
    voter();
    const runId = await start(asker);
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    const { filter_metrics: counts, errors, votes_cast: votes } = await responseOf(runId);
    expect(counts).toMatchObject({ fetched: 2, check_failed: 1, selected: 1 });
    expect(votes.map((vote) => vote.proposal_id)).toEqual(asker.ids.slice(1));
    expect(errors).toEqual([
      expect.stringMatching(`^1 proposal cannot be read and is left out; look on Snapshot: ${odd} \\(type: .*\\)\\.$`),
    ]);
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'proposals cannot be read', count: 1 }));
  });

  /** The rows that the hub has for the list query of the fetcher. */
  async function listAnswer(space: SpaceId): Promise<Record<string, unknown>[]> {
    const variables = { space, first: 1_000, skip: 0, createdLte: 2_147_483_647 };
    const response = await fetch(`${flow().sandbox.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: ACTIVE_PROPOSALS, variables }),
    });
    const shape = z.object({ data: z.object({ proposals: z.array(z.record(z.string(), z.unknown())) }) });
    return shape.parse(await response.json()).data.proposals;
  }
});

describe('a hub that asks for fewer requests', () => {
  const once = { maxRetryAttempts: 1, retryDelayS: 0.01 };

  it('is left alone for as long as it says, by every run, and no attempt is lost', async () => {
    const { ask, start, fetcher, decider, voter, ended, fault, job } = flow();
    const askers = await Promise.all([ask(1), ask(1)]);
    const from = received();
    await fault({ endpoint: 'hub', count: 1, status: 429, headers: { 'retry-after': '2' }, body: { error: 'slow' } });
    fetcher({ retries: once });
    decider();
    voter();
    const first = await start(askers[0], { retries: once });
    await vi.waitUntil(async () => ['delayed', 'completed'].includes(await (await job(first)).getState()), PATIENT);
    const second = await start(askers[1], { retries: once });
    for (const runId of [first, second]) {
      expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
      expect((await responseOf(runId)).errors).toEqual([]);
      expect((await job(runId)).attemptsMade).toBeLessThanOrEqual(1);
    }
    const [refused = 0, ...later] = arrivals('query', from);
    for (const at of later) expect(at - refused).toBeGreaterThanOrEqual(2_000 - 2);
  });

  it('in the middle of a run is not asked again for the power that it gave', async () => {
    const { ask, start, fetcher, decider, voter, ended, fault } = flow();
    const asker = await ask(3);
    const from = received();
    const [, , last = ''] = asker.ids;
    await fault({
      endpoint: 'hub',
      count: 1,
      status: 429,
      headers: { 'retry-after': '1' },
      match: { body_contains: `"proposal":"${last}"` },
    });
    fetcher({ retries: once });
    decider();
    voter();
    const runId = await start(asker, { retries: once });
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
    expect((await responseOf(runId)).votes_cast).toHaveLength(3);
    const asked = asker.ids.map((id) => arrivals(`"proposal":"${id}"`, from).length);
    expect(asked).toEqual([1, 1, 2]);
  });

  it('for more than a quarter of an hour fails the run in words', async () => {
    const { ask, start, fetcher, ended, fault, job } = flow();
    const asker = await ask(1);
    await fault({ endpoint: 'hub', share: 1, status: 429, headers: { 'retry-after': '1' }, body: { error: 'slow' } });
    let later = 0;
    fetcher({ retries: once, now: () => Date.now() + later });
    const runId = await start(asker, { retries: once });
    await vi.waitUntil(async () => (await job(runId)).isDelayed(), PATIENT);
    later = 15 * 60 * 1_000;
    expect(await ended(runId)).toEqual({ run_id: runId, status: 'failed' });
    expect((await responseOf(runId)).errors).toEqual(["Too many requests: Snapshot's hub asks for fewer requests."]);
  });
});

describe('twenty owners of one space who ask at once', () => {
  it('cost one reading of its list, and one of the votes each', async () => {
    const { ask, start, fetcher, decider, voter, ended } = flow();
    const first = await ask(3);
    const { space } = first;
    const rest = await Promise.all(Array.from({ length: 19 }, () => ask(0, { space })));
    const from = received();
    const runs = await Promise.all([first, ...rest].map((asker) => start(asker)));
    fetcher();
    decider();
    voter();
    for (const runId of runs) {
      expect(await ended(runId)).toEqual({ run_id: runId, status: 'completed' });
      expect((await responseOf(runId)).filter_metrics).toMatchObject({ fetched: 3, selected: 3 });
    }
    const asked = ['query ActiveProposals', 'query Space(', 'query SpaceVotes', 'query Proposals', 'query VotingPower'];
    expect(asked.map((text) => arrivals(text, from).length)).toEqual([1, 0, 20, 20, 60]);
  });
});
