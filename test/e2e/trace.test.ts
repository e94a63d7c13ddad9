/** `npm run trace` of real runs, dry and live, held and answered, under way, asked again and unknown; and that models are asked side by side. */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { OwnerId, RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import type { Span } from '@quorum/shared/run-span';
import { RunTimings } from '@quorum/shared/run-timings';
import { readKeyFile } from '@quorum/shared/secret-file';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { forgetGateway, noteGateway } from '../../scripts/gateway-url.ts';
import { runFiles } from '../../scripts/run-files.ts';
import { SECRETS } from '../../scripts/secrets.ts';
import { readCommonSettings } from '../../scripts/start-settings.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, proposalId, SURE, WANTED } from './world.ts';

const SCRIPT = path.join(import.meta.dirname, '../../scripts/trace.ts');
/** Long enough that a busy machine has all calls under way before the first of them ends. */
const LATENCY_MS = 3_000;
const SPACES = ['first.eth', 'second.eth', 'third.eth', 'fourth.eth', 'fifth.eth', 'sixth.eth'] as const;
const TYPES = ['basic', 'single-choice', 'approval'] as const;

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    world: openWorld({ spaces: SPACES, types: TYPES }),
    space: SPACES[0],
    moreSpaces: SPACES,
    preferences: EVERYTHING,
    env: { ...SURE, DECIDER_SECOND_READING: 'never' },
  });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(() => stack.stop());
beforeEach(() => stack.control('DELETE', 'faults'));

const Machine = RunTimings.extend({
  critical_path: z.array(z.int()),
  wall_ms: z.int(),
  critical_path_ms: z.int(),
  first_model_call_ms: z.int().nullable(),
  accepted_votes: z.array(z.object({ proposal_id: z.string(), accepted_ms: z.int() })),
});

type Ended = { readonly code: number; readonly out: string; readonly err: string };

function trace(args: readonly string[], url = stack.url): Promise<Ended> {
  return traceWith({}, [...args, '--url', url]);
}

function traceWith(settings: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ended> {
  const { secrets } = stack;
  const own = { QUORUM_ENV_FILE: '', QUORUM_SECRETS_DIR: secrets, INIT_CWD: secrets };
  const env = { PATH: process.env['PATH'], ...own, ...settings };
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [SCRIPT, ...args], { env }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

async function traced(runId: string): Promise<z.infer<typeof Machine>> {
  const { code, out, err } = await trace([runId, '--json']);
  expect([code, err]).toEqual([0, '']);
  expect(out.trimEnd()).not.toContain('\n');
  return Machine.parse(JSON.parse(out));
}

const kindsOf = (spans: readonly Span[], proposal: string | null): string[] =>
  spans.filter(({ proposal_id: id }) => id === proposal).map(({ kind }) => kind);

/** Whether there is a moment at which all of these are under way. */
function overlap(spans: readonly Span[]): boolean {
  return Math.max(...spans.map(({ begin }) => begin)) < Math.min(...spans.map(({ end }) => end ?? Infinity));
}

async function slowModel(): Promise<void> {
  await stack.control('POST', 'faults', { endpoint: 'model', share: 1, latency_ms: LATENCY_MS });
}

describe('a dry run', () => {
  test('shows every span, and asks the models of one proposal and of several side by side', async () => {
    await slowModel();
    const { run_id } = await stack.run({ dry_run: true });
    const told = await traced(run_id);
    expect(kindsOf(told.spans, null)).toEqual(['queued', 'fetch', 'close']);
    for (const nth of TYPES.keys()) {
      expect(kindsOf(told.spans, proposalId(nth))).toEqual(['wait', 'decide', 'ask', 'ask', 'ask', 'wait', 'check']);
    }
    expect(told.spans.every(({ end }) => end !== null)).toBe(true);
    const asks = told.spans.filter(({ kind }) => kind === 'ask');
    expect(asks).toHaveLength(9);
    for (const { begin, end } of asks) expect((end ?? 0) - begin).toBeGreaterThanOrEqual(LATENCY_MS - 1);
    for (const nth of TYPES.keys()) {
      expect(overlap(asks.filter(({ proposal_id: id }) => id === proposalId(nth)))).toBe(true);
    }
    expect(overlap(asks)).toBe(true);
    expect(told.first_model_call_ms).toBe(Math.min(...asks.map(({ begin }) => begin)));
    expect(told.accepted_votes).toEqual([]);
    expect(told.critical_path_ms).toBeLessThanOrEqual(told.wall_ms);
    expect(told.critical_path.map((at) => told.spans[at]?.kind)).toContain('ask');

    const { code, out } = await trace([run_id]);
    expect(code).toBe(0);
    expect(out).toContain(`Run ${run_id}\ncompleted, dry, in first.eth, accepted `);
    expect(out).toMatch(/^● {5}sample \d owned .* m?s {2} +█+$/m);
    expect(out).toMatch(/^from decision to accepted vote +– {2}no vote was accepted$/m);
    // No line is wider than the narrowest terminal.
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('a run whose answers are those of an earlier one asks nobody, and says so', async () => {
    const { run_id } = await stack.run({ dry_run: true });
    const told = await traced(run_id);
    expect(kindsOf(told.spans, proposalId(0))).toEqual(['wait', 'decide', 'wait', 'check']);
    expect(told.first_model_call_ms).toBeNull();
    expect((await trace([run_id])).out).toMatch(/^from POST to first model call +– {2}no model was asked$/m);
  });

  test('reads the same when its events are gone', async () => {
    const { run_id } = await stack.run({ dry_run: true });
    const { now: _now, ...before } = await traced(run_id);
    await until(
      'the record to be packed',
      async () => (await stack.redis.hexists(keys.run(RunId.parse(run_id)), 'packed')) === 1,
    );
    expect(await stack.redis.del(keys.runEvents(RunId.parse(run_id)))).toBe(1);
    const { now: _later, ...after } = await traced(run_id);
    expect(after).toEqual(before);
  });
});

test('a live run shows each step of its votes, and how long a decision takes to be an accepted vote', async () => {
  const { run_id, votes_cast } = await stack.run({ space_id: SPACES[1] });
  expect(votes_cast).toHaveLength(3);
  const told = await traced(run_id);
  for (const nth of TYPES.keys()) {
    const kinds = kindsOf(told.spans, proposalId(nth, 1)).filter((kind) => kind !== 'ask');
    expect(kinds).toEqual(['wait', 'decide', 'wait', 'check', 'reserve', 'sign', 'send', 'read_back']);
  }
  expect(told.accepted_votes).toHaveLength(3);
  for (const { accepted_ms: ms } of told.accepted_votes) {
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(told.wall_ms);
  }
  expect((await trace([run_id])).out).toMatch(/^from decision to accepted vote +\d.* the slowest of 3$/m);
});

test('a vote that is put off keeps what was done before', async () => {
  await stack.control('POST', 'faults', { endpoint: 'sequencer', count: 1, status: 500 });
  const { run_id } = await stack.run({ space_id: SPACES[2] });
  const told = await traced(run_id);
  const putOff = told.spans.find(({ kind }) => kind === 'put_off')?.proposal_id ?? null;
  const steps = ['check', 'reserve', 'sign', 'send', 'read_back'];
  expect(kindsOf(told.spans, putOff).filter((kind) => kind !== 'ask')).toEqual([
    'wait',
    'decide',
    'wait',
    ...steps,
    'put_off',
    ...steps,
  ]);
  expect(told.accepted_votes).toHaveLength(3);
});

test('a decision that is tried again keeps the calls of both', async () => {
  await stack.control('POST', 'faults', { endpoint: 'model', count: 9, status: 500 });
  const { run_id } = await stack.run({ space_id: SPACES[5], dry_run: true });
  const told = await traced(run_id);
  const again = told.spans.find(({ kind }) => kind === 'put_off')?.proposal_id ?? null;
  const asks = ['ask', 'ask', 'ask'];
  const ofAgain = told.spans.filter(({ proposal_id: id }) => id === again);
  expect(kindsOf(ofAgain, again).slice(0, 6)).toEqual(['wait', 'decide', ...asks, 'put_off']);
  expect(kindsOf(ofAgain, again).slice(-6)).toEqual(['decide', ...asks, 'wait', 'check']);
  expect(ofAgain.flatMap(({ ask }) => ask?.result ?? []).slice(0, 3)).toEqual(Array(3).fill('unavailable'));
});

test('a run that is under way has spans without an end', async () => {
  await stack.control('POST', 'faults', { endpoint: 'model', share: 1, latency_ms: 600_000 });
  const { run_id } = await stack.post({ space_id: SPACES[3] });
  const isAsking = ({ kind, end }: Span): boolean => kind === 'decide' && end === null;
  const open = await until('a decision under way', async () => {
    const told = await traced(run_id);
    return told.spans.some(isAsking) ? told : null;
  });
  expect(open).toMatchObject({ status: 'running', finished: null });
  const { out } = await trace([run_id]);
  expect(out).toMatch(/^. {3}decide +open {2} *[┄█]*▶$/m);
  expect(out).toMatch(/^so far/m);
  const headers = { 'content-type': 'application/json' };
  expect((await fetch(`${stack.url}/agent-run/${run_id}`, { method: 'DELETE', headers })).ok).toBe(true);
  await stack.finished(run_id);
  const ended = await traced(run_id);
  expect(ended.status).toBe('cancelled');
  expect(ended.spans.filter(({ end }) => end === null)).toEqual([]);
  // What the models were asked until then was paid for, and is no wait for a worker.
  const asking = open.spans.find(isAsking)?.proposal_id ?? null;
  const results = ended.spans.filter(({ proposal_id: id }) => id === asking).flatMap(({ ask }) => ask?.result ?? []);
  expect(results).toEqual(Array(3).fill('stopped'));
  expect(kindsOf(ended.spans, asking).slice(0, 6)).toEqual(['wait', 'decide', 'ask', 'ask', 'ask', 'put_off']);
  expect((await trace([run_id])).out).not.toContain('no model was asked');
});

test('a hold is a span of its own, behind the run', async () => {
  await stack.writePreferences({ ...EVERYTHING, approval: 'always' });
  const { run_id } = await stack.run({ space_id: SPACES[4] });
  const waiting = await traced(run_id);
  const [id] = (await stack.redis.keys('{quorum}:hold:*')).map((key) => key.slice('{quorum}:hold:'.length));
  expect(waiting.spans.filter(({ kind, end }) => kind === 'answer' && end === null)).toHaveLength(3);
  expect((await trace([run_id])).out).toMatch(/^ {4}wait for the owner's answer +open +→$/m);

  const answer = await fetch(`${stack.url}/holds/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ answer: 'approve' }),
  });
  expect(answer.ok).toBe(true);
  const voted = await until('the vote of the hold', async () => {
    const told = await traced(run_id);
    return told.accepted_votes.length === 1 ? told : null;
  });
  const proposal = voted.accepted_votes[0]?.proposal_id ?? null;
  expect(kindsOf(voted.spans, proposal).slice(-7)).toEqual([
    'answer',
    'wait',
    'check',
    'reserve',
    'sign',
    'send',
    'read_back',
  ]);
  // What came after the run is no part of its path.
  expect(voted.critical_path_ms).toBe(waiting.critical_path_ms);
});

test('the gateway is asked where npm start wrote it down, and who has its port meanwhile gets no key', async () => {
  const heard: (string | undefined)[] = [];
  const stranger = createServer(({ headers }, answer) => {
    heard.push(headers.authorization);
    answer.writeHead(404).end();
  });
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const { port } = z.object({ port: z.int() }).parse(stranger.address());
  const QUORUM_DATA_DIR = await mkdtemp(path.join(tmpdir(), 'quorum-trace-'));
  const settings = readCommonSettings({}, QUORUM_DATA_DIR);
  try {
    await mkdir(settings.folders.run);
    await noteGateway(settings, stack.url);
    // As `npm start` does, whose process this one is here.
    const files = runFiles(settings.folders.run);
    await files.claim();
    const id = randomUUID();
    const ask = (): Promise<Ended> => traceWith({ QUORUM_DATA_DIR, PORT: String(port) }, [id]);
    expect(await ask()).toMatchObject({ code: 1, err: expect.stringContaining(`There is no run ${id}`) });
    expect(heard).toEqual([]);
    // What was written by one that is gone may be another's port by now: it is that of PORT, as in compose, where nothing is written.
    await files.release();
    await ask();
    expect(heard).toEqual([expect.stringContaining('Bearer ')]);
    await forgetGateway(settings);
    await ask();
    expect(heard).toHaveLength(2);
  } finally {
    stranger.close();
    await rm(QUORUM_DATA_DIR, { recursive: true });
  }
});

describe('what cannot be shown', () => {
  test('an unknown run', async () => {
    const id = randomUUID();
    const { code, out, err } = await trace([id]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(`✗ There is no run ${id}`);
  });

  test("another owner's run", async () => {
    const { run_id } = await stack.run({ dry_run: true });
    const apiKeys = createApiKeys(stack.redis, readKeyFile(path.join(stack.secrets, SECRETS.gatewayMacKey)));
    const wanted = { owner: OwnerId.parse('somebody-else'), role: 'user', name: 'trace', nowMs: Date.now() } as const;
    const file = path.join(stack.secrets, 'other.key');
    await writeFile(file, (await apiKeys.create(wanted)).text, { mode: 0o600 });
    // From where npm was called.
    const { code, err } = await trace([run_id, '--key-file', 'other.key']);
    expect([code, err]).toEqual([1, expect.stringContaining(`There is no run ${run_id}`)]);
    await writeFile(file, 'f'.repeat(64));
    expect(await trace([run_id, '--key-file', file])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--key-file'),
    });
  });

  test.each([
    ['no id', []],
    ['no id of a run', ['yesterday']],
    ['two ids', [randomUUID(), randomUUID()]],
    ['an option that there is not', [randomUUID(), '--colour']],
  ])('%s', async (_what, args) => {
    const { code, out, err } = await trace(args);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('→ npm run trace -- RUN_ID');
  });

  test('a gateway that is away', async () => {
    const { code, err } = await trace([randomUUID()], 'http://127.0.0.1:1');
    expect([code, err]).toEqual([1, expect.stringContaining('No gateway answers at http://127.0.0.1:1.')]);
  });
});
