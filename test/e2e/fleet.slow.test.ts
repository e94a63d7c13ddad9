import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { AgentRunResponse } from '@quorum/shared/run';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dump } from '../redis-dump.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

const SPACES = Array.from({ length: 10 }, (_, at) => `space-${at}.eth`);
const WORKERS = ['fetcher', 'decider', 'voter'] as const;
/** Longer than a worker that is told to stop waits for its work: it hands it back. */
const SHUTDOWN_S = 2;
const LATENCY_MS = 3_000;

/** What each worker is in the middle of when it is told to stop. */
const STOPPED: readonly {
  readonly worker: (typeof WORKERS)[number];
  readonly space: string;
  readonly endpoint: 'hub' | 'model' | 'sequencer';
  readonly asks: string;
}[] = [
  { worker: 'fetcher', space: 'stop-fetcher.eth', endpoint: 'hub', asks: 'ActiveProposals' },
  { worker: 'decider', space: 'stop-decider.eth', endpoint: 'model', asks: 'json_schema' },
  { worker: 'voter', space: 'stop-voter.eth', endpoint: 'sequencer', asks: 'Vote' },
];

describe('two of each worker, ten spaces at once', () => {
  let stack: Stack;
  let results: AgentRunResponse[];

  beforeAll(async () => {
    stack = await startStack({
      world: openWorld({ spaces: [...SPACES, ...STOPPED.map(({ space }) => space)], types: ['basic', 'approval'] }),
      space: 'space-0.eth',
      moreSpaces: [...SPACES.slice(1), ...STOPPED.map(({ space }) => space)],
      preferences: EVERYTHING,
      env: { ...SURE, SHUTDOWN_TIMEOUT_S: `${SHUTDOWN_S}` },
    });
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    await Promise.all(WORKERS.map((service) => stack.start(service)));
  });
  afterAll(() => stack.stop());

  test('of many requests for a space at once comes one run', async () => {
    const asked = await Promise.all(
      SPACES.map((space, at) =>
        Promise.all(Array.from({ length: at === 0 ? 20 : 3 }, () => stack.post({ space_id: space }))),
      ),
    );
    const runs = asked.map((answers) => new Set(answers.map(({ run_id: runId }) => runId)));
    expect(runs.map((ids) => ids.size)).toEqual(SPACES.map(() => 1));
    for (const answers of asked) expect(answers.filter(({ joined }) => !joined).length).toBe(1);

    results = await Promise.all(runs.flatMap((ids) => [...ids]).map(stack.finished));
  });

  test('every run casts each of its votes, and no vote is sent twice', () => {
    for (const result of results) {
      expect(result).toMatchObject({ status: 'completed', errors: [], proposals_analyzed: 2 });
      expect(result.votes_cast.length).toBe(2);
    }
    const votes = results.flatMap(({ votes_cast: cast }) => cast.map(({ proposal_id: id }) => id));
    expect(new Set(votes).size).toBe(20);
    expect(stack.sandbox.world.votes.length).toBe(20);
    expect(stack.sandbox.world.messages.filter(({ type }) => type === 'vote').length).toBe(20);
  });

  test('no secret is in a log or in Redis', async () => {
    const secrets: string[] = [];
    for (const entry of await readdir(stack.secrets, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || entry.name === 'signers.json') continue;
      secrets.push((await readFile(path.join(entry.parentPath, entry.name), 'utf8')).trim());
    }
    expect(secrets.length).toBeGreaterThan(4);
    const logs = await stack.logs();
    const kept = await dump(stack.redis);
    expect(logs).toContain('vote executed');
    expect(kept).toContain(results[0]?.run_id);
    for (const secret of secrets) {
      expect(logs.includes(secret)).toBe(false);
      expect(kept.includes(secret)).toBe(false);
    }
    // A signed envelope is a vote in anybody's hands, until it was accepted: then it is public, and the audit tells of it.
    const untold = await dump(stack.redis, (key) => !key.startsWith('{quorum}:audit:'));
    expect(untold).toContain(results[0]?.run_id);
    const signatures = stack.sandbox.world.received.flatMap(({ endpoint, body }) =>
      endpoint === 'sequencer' ? [/"sig":"(0x[0-9a-f]+)"/.exec(JSON.stringify(body))?.[1] ?? ''] : [],
    );
    expect(signatures.length).toBeGreaterThan(20);
    for (const signature of signatures) {
      expect(signature).toMatch(/^0x/);
      expect(logs.includes(signature) || untold.includes(signature)).toBe(false);
    }
  });

  test('what is kept for no time at all is what is meant to be: every other key ends by itself', async () => {
    const forever: string[] = [];
    for (const key of await stack.redis.keys('{quorum}:*')) {
      if (key.startsWith('{quorum}:bull:')) continue;
      if ((await stack.redis.ttl(key)) === -1) forever.push(key.split(':')[1] ?? '');
    }
    expect(new Set(forever)).toEqual(
      new Set(['signers', 'voter-owners', 'preferences-version', 'mode', 'voting', 'ledger', 'audit', 'heartbeats']),
    );
  });

  test.each(STOPPED)('a $worker that is told to stop hands its work to the next one', async (stopped) => {
    const { worker, space, endpoint, asks } = stopped;
    await stack.control('POST', 'faults', {
      endpoint,
      count: worker === 'fetcher' ? 1 : 3,
      match: { body_contains: asks },
      latency_ms: LATENCY_MS,
    });
    const { run_id: runId } = await stack.post({ space_id: space });
    await until(`the ${worker} to be in the middle of it`, async () =>
      stack.sandbox.world.received.some((exchange) => exchange.endpoint === endpoint && exchange.answer === null),
    );
    const ended = await stack.sigterm(worker);
    expect(ended.every((how) => how === 'exit code 0')).toBe(true);
    await stack.start(worker);
    const result = await stack.finished(runId);
    expect(result).toMatchObject({ status: 'completed', errors: [] });
    expect(result.votes_cast.length).toBe(2);
    expect(stack.sandbox.world.messages.filter((message) => message.space === space).length).toBe(2);
    await stack.control('DELETE', 'faults');
  });

  test('a space with nothing to vote on ends at once, with zero counts', async () => {
    await stack.control('PATCH', 'world', { now: Math.floor(Date.now() / 1_000) + 13 * 60 * 60 });
    const result = await stack.run();
    expect(result).toMatchObject({ status: 'completed', proposals_analyzed: 0, votes_cast: [], decisions: [] });
    expect(result.filter_metrics).toMatchObject({ fetched: 0, selected: 0, ranked: [] });
    await until('the run to leave its place', async () => (await stack.redis.keys('{quorum}:active:*')).length === 0);
  });
});
