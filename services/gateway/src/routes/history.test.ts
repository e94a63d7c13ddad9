/** What was: the lists of runs and decisions, and the evidence behind one. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys, type Role } from '@quorum/shared/api-keys';
import type { VoteDecision } from '@quorum/shared/decision';
import { DecisionsPage, RunsPage } from '@quorum/shared/history';
import { newRunId, type OwnerId, type RunId } from '@quorum/shared/ids';
import { createRecords, type Opening } from '@quorum/shared/records';
import { connectPatient } from '@quorum/shared/redis';
import { keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import { SpaceId, type ProposalId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { someEvidence } from '../../../../packages/shared/test/evidence.ts';
import { aHold, MINUTE_MS } from '../../../../packages/shared/test/holds.ts';
import {
  aHash,
  anOwner,
  aProposalId,
  aResponse,
  aVoteDecision,
  filterMetrics,
  preferences,
} from '../../../../packages/shared/test/samples.ts';
import { startTestRedis, type TestRedis } from '../../../../test/redis.ts';
import { ask, log, openGateway, postRun, type Answer, type Gateway } from '../../test/stand.ts';

const MAC_KEY = randomBytes(32);

let server: TestRedis;
let redis: Redis;
let folder: string;
let gateway: Gateway;

beforeAll(async () => {
  server = await startTestRedis();
  redis = connectPatient(server.url, log);
  folder = await mkdtemp(join(tmpdir(), 'quorum-history-'));
  const file = join(folder, 'mac.key');
  await writeFile(file, MAC_KEY.toString('hex'), { mode: 0o600 });
  gateway = await openGateway(server.url, { GATEWAY_MAC_KEY_FILE: file, ALLOW_ANONYMOUS: '0' });
});
afterAll(async () => {
  await gateway.stop();
  redis.disconnect();
  await server.stop();
  await rm(folder, { recursive: true });
});

async function bearer(owner: OwnerId, role: Role = 'viewer'): Promise<Record<string, string>> {
  const { text } = await createApiKeys(redis, MAC_KEY).create({ owner, role, name: '', nowMs: Date.now() });
  return { authorization: `Bearer ${text}` };
}

type GivenRun = { space?: string; atMs?: number; dryRun?: boolean; decisions?: VoteDecision[]; open?: boolean };

/** A run of this owner that has ended, unless it is to stay open. */
async function aRun(owner: OwnerId, given: GivenRun = {}): Promise<RunId> {
  const { space = `${newRunId()}.eth`, atMs = Date.now(), dryRun = false, decisions = [], open = false } = given;
  const [runId, space_id, transitions] = [newRunId(), SpaceId.parse(space), createTransitions(redis)];
  await transitions.accept({ runId, owner, space: space_id, dryRun, idempotency: null, nowMs: atMs });
  const response = aResponse(runId, { space_id, dry_run: dryRun, decisions });
  if (!open) await transitions.finish({ owner, dryRun }, response, atMs + 1_000);
  return runId;
}

/** What a run of these proposals has found, and that it is to cast nothing. */
const anOpening = (ids: readonly ProposalId[]): Opening => ({
  preferences: preferences(),
  preferences_version: aHash(),
  preferences_applied: true,
  dry_run: true,
  voter: null,
  errors: [],
  filter_metrics: filterMetrics({ fetched: ids.length, selected: ids.length }),
  selected: ids.map((proposal_id) => ({
    proposal_id,
    content_hash: aHash(),
    title: 'Repair the breakwater',
    link: 'https://snapshot.box',
    end: 1_800_000_000,
    voting_power: null,
  })),
  closing_too_soon: [],
  left_over: { all: null, fresh: null },
});

const get = (path: string, headers: Record<string, string>): Promise<Answer> =>
  ask(`${gateway.url}${path}`, { headers });

/** Every page, one after another. */
async function pagesOf(path: string, headers: Record<string, string>): Promise<Answer[]> {
  const pages: Answer[] = [];
  for (let next: string | null = ''; next !== null;) {
    const page: Answer = await get(`${path}${next === '' ? '' : `&cursor=${next}`}`, headers);
    expect(page.status).toBe(200);
    pages.push(page);
    next = RunsPage.pick({ next: true }).parse(page.json).next;
  }
  return pages;
}

const runsOf = ({ json }: Answer) => RunsPage.strict().parse(json).runs;
const idsOf = (answer: Answer): string[] => runsOf(answer).map(({ run_id }) => run_id);
const decisionsOf = ({ json }: Answer) => DecisionsPage.strict().parse(json).decisions;

describe('GET /agent-run', () => {
  test('lists a run from the moment that it is accepted, and shows how it stands', async () => {
    const owner = anOwner();
    const headers = await bearer(owner, 'user');
    expect((await get('/agent-run', headers)).json).toEqual({ runs: [], next: null });
    const space_id = `${newRunId()}.eth`;
    const { json, status } = await postRun(gateway, { space_id, dry_run: true }, headers);
    expect(status).toBe(202);
    const [run] = runsOf(await get('/agent-run', headers));
    expect(run).toMatchObject({ owner, space_id, dry_run: true, status: 'queued', started_at: null, selected: 0 });
    expect(json).toMatchObject({ run_id: run?.run_id, status_url: run?.status_url });
  });

  test('gives the run that was accepted last first, a page at a time, each once', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    const base = Date.now();
    const made: RunId[] = [];
    for (let at = 0; at < 7; at += 1) made.push(await aRun(owner, { atMs: base + at }));
    await aRun(anOwner());
    const pages = await pagesOf('/agent-run?limit=3', headers);
    expect(pages.map((page) => idsOf(page).length)).toEqual([3, 3, 1]);
    expect(pages.flatMap(idsOf)).toEqual(made.toReversed());
  });

  test('lists by space and by status', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    const ended = await aRun(owner, { space: 'one.eth' });
    const open = await aRun(owner, { space: 'one.eth', open: true });
    const elsewhere = await aRun(owner, { space: 'two.eth' });
    const list = async (query: string) => idsOf(await get(`/agent-run?${query}`, headers)).toSorted();
    expect(await list('space_id=one.eth')).toEqual([ended, open].toSorted());
    expect(await list('status=completed')).toEqual([ended, elsewhere].toSorted());
    expect(await list('space_id=one.eth&status=queued')).toEqual([open]);
    expect(await list('space_id=none.eth')).toEqual([]);
  });

  test('finds what is far behind: a page that found little says where to go on', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    const rare = await aRun(owner, { space: 'rare.eth', atMs: Date.now() - 10_000 });
    const common = await aRun(owner, { space: 'common.eth' });
    const record = await redis.hgetall(keys.run(common));
    const writing = redis.pipeline();
    for (let at = 0; at < 1_200; at += 1) {
      const id = newRunId();
      writing.hset(keys.run(id), record).zadd(keys.runsOf(owner), Date.now() + at, id);
    }
    await writing.exec();
    const pages = await pagesOf('/agent-run?space_id=rare.eth', headers);
    expect(pages.flatMap(idsOf)).toEqual([rare]);
    expect(pages.map((page) => idsOf(page).length)).toEqual([0, 1]);
  });

  test('counts where the proposals ended, while the run is under way too', async () => {
    const owner = anOwner();
    const runId = await aRun(owner, { open: true });
    const [records, headers] = [createRecords(redis), await bearer(owner)];
    const ends = [
      { kind: 'cast' },
      { kind: 'cast' },
      { kind: 'held', why: 'risk' },
      { kind: 'skipped', why: 'closed' },
    ] as const;
    const ids = [...ends, null].map(() => aProposalId());
    await records.open(runId, anOpening(ids));
    for (const [at, outcome] of ends.entries()) {
      await records.settle(runId, ids[at] ?? aProposalId(), { outcome, settled_at: Date.now() });
    }
    const [run] = runsOf(await get('/agent-run', headers));
    expect(run).toMatchObject({
      selected: 5,
      outcomes: { cast: 2, simulated: 0, held: 1, skipped: 1, failed: 0 },
      dry_run: true,
      errors: 0,
    });
  });

  test('leaves out what is kept no more, and what cannot be read keeps nobody from the others', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    const [gone, odd, odder, good] = [await aRun(owner), await aRun(owner), await aRun(owner), await aRun(owner)];
    await redis.del(keys.run(gone));
    await redis.hset(keys.run(odd), 'state', 'sleepwalking');
    await redis.hset(keys.run(odder), 'request', '{');
    await redis.zadd(keys.runsOf(owner), Date.now(), 'no-run');
    expect(idsOf(await get('/agent-run', headers))).toEqual([good]);
    expect(idsOf(await get('/agent-run?status=completed', headers))).toEqual([good]);
  });

  test('shows an admin those of all, or of the owner that they name; to others a foreign owner is none', async () => {
    const [owner, other] = [anOwner(), anOwner()];
    const [mine, theirs] = [await aRun(owner), await aRun(other)];
    const admin = await bearer(anOwner(), 'admin');
    expect(idsOf(await get('/agent-run?limit=2', admin))).toEqual([theirs, mine]);
    expect(idsOf(await get(`/agent-run?owner=${owner}`, admin))).toEqual([mine]);
    const own = await bearer(owner);
    expect(idsOf(await get('/agent-run', own))).toEqual([mine]);
    expect(idsOf(await get(`/agent-run?owner=${owner}`, own))).toEqual([mine]);
    for (const path of ['/agent-run', '/decisions']) {
      expect(await get(`${path}?owner=${other}`, own)).toMatchObject({ status: 404 });
    }
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=yesterday', 'cursor'],
    ['status=asleep', 'status'],
    ['space_id=Quorum.ETH', 'space_id'],
    ['owner=No', 'owner'],
    ['page=2', 'page'],
    ['limit=1&limit=2', 'limit'],
  ])('refuses ?%s and names it', async (query, path) => {
    const headers = await bearer(anOwner());
    for (const route of ['/agent-run', '/decisions']) {
      if (route === '/decisions' && path === 'status') continue;
      expect(await get(`${route}?${query}`, headers)).toMatchObject({ status: 400, json: { errors: [{ path }] } });
    }
  });

  test('refuses the cursor of the other list, by which whoever reads on would begin again for ever', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    for (let made = 0; made < 2; made += 1) await aRun(owner, { decisions: [aVoteDecision()] });
    const next = async (path: string) => RunsPage.pick({ next: true }).parse((await get(path, headers)).json).next;
    const [ofRuns, ofDecisions] = [await next('/agent-run?limit=1'), await next('/decisions?limit=1')];
    for (const path of [`/agent-run?cursor=${ofDecisions}`, `/decisions?cursor=${ofRuns}`]) {
      expect(await get(path, headers), path).toMatchObject({ status: 400, json: { errors: [{ path: 'cursor' }] } });
    }
    // And of another owner's list it is a place in time, no more.
    const other = anOwner();
    const [theirs, whoAsks] = [await aRun(other, { atMs: Date.now() - 60_000 }), await bearer(other)];
    expect(idsOf(await get(`/agent-run?cursor=${ofRuns}`, whoAsks))).toEqual([theirs]);
  });

  test('costs no body where nothing changed', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    await aRun(owner);
    const first = await get('/agent-run', headers);
    expect(first.headers).toMatchObject({ 'cache-control': 'private, no-cache' });
    const tagged = { ...headers, 'if-none-match': String(first.headers['etag']) };
    expect(await get('/agent-run', tagged)).toMatchObject({ status: 304, text: '' });
    await aRun(owner);
    expect(await get('/agent-run', tagged)).toMatchObject({ status: 200 });
  });
});

describe('GET /decisions', () => {
  const three = () => [aVoteDecision(), aVoteDecision(), aVoteDecision()];

  test.each([1, 2, 3, 4, 100])('gives each once, the last run first, %i at a time', async (limit) => {
    const owner = anOwner();
    const base = Date.now();
    const made: string[][] = [];
    for (let at = 0; at < 3; at += 1) {
      const decisions = three();
      made.push(decisions.map(({ proposal_id: id }) => id));
      await aRun(owner, { decisions, atMs: base + at });
      await aRun(owner, { atMs: base + at });
    }
    const pages = await pagesOf(`/decisions?limit=${limit}`, await bearer(owner));
    for (const page of pages) expect(decisionsOf(page).length).toBeLessThanOrEqual(limit);
    expect(pages.flatMap(decisionsOf).map(({ proposal_id: id }) => id)).toEqual(made.toReversed().flat());
  });

  test('says which run made it, for whom and when', async () => {
    const owner = anOwner();
    const decision = aVoteDecision();
    const run_id = await aRun(owner, { space: 'said.eth', dryRun: true, decisions: [decision] });
    const [said] = decisionsOf(await get('/decisions', await bearer(owner)));
    const finished_at = aResponse(run_id).finished_at;
    expect(said).toEqual({ ...decision, run_id, owner, space_id: 'said.eth', dry_run: true, finished_at });
  });

  test('lists by space, by proposal and by outcome', async () => {
    const owner = anOwner();
    const headers = await bearer(owner);
    const cast = aVoteDecision();
    const skipped = aVoteDecision({ outcome: { kind: 'skipped', why: 'risk' } });
    const failed = aVoteDecision({ outcome: { kind: 'failed', why: 'signing' } });
    const again = aVoteDecision({ proposal_id: skipped.proposal_id });
    await aRun(owner, { space: 'one.eth', decisions: [cast, skipped] });
    await aRun(owner, { space: 'two.eth', decisions: [failed, again] });
    const list = async (query: string) =>
      (await pagesOf(`/decisions?limit=1&${query}`, headers))
        .flatMap(decisionsOf)
        .map(({ evidence_hash: hash }) => hash)
        .toSorted();
    const hashes = (...all: VoteDecision[]) => all.map(({ evidence_hash: hash }) => hash).toSorted();
    expect(await list('space_id=one.eth')).toEqual(hashes(cast, skipped));
    expect(await list(`proposal_id=${skipped.proposal_id}`)).toEqual(hashes(skipped, again));
    expect(await list('outcome=cast')).toEqual(hashes(cast, again));
    expect(await list('outcome=failed&space_id=two.eth')).toEqual(hashes(failed));
    expect(await list(`proposal_id=${aProposalId()}`)).toEqual([]);
  });

  test('finds what is far behind, and reads only so much for it at a time', async () => {
    const owner = anOwner();
    const wanted = aVoteDecision();
    await aRun(owner, { decisions: [wanted], atMs: Date.now() - 10_000 });
    const record = await redis.hgetall(keys.run(await aRun(owner, { decisions: [aVoteDecision()] })));
    const writing = redis.pipeline();
    for (let at = 0; at < 250; at += 1) {
      const id = newRunId();
      writing.hset(keys.run(id), record).zadd(keys.decidedRunsOf(owner), Date.now() + at, id);
    }
    await writing.exec();
    const pages = await pagesOf(`/decisions?proposal_id=${wanted.proposal_id}`, await bearer(owner));
    expect(pages.map((page) => decisionsOf(page).length)).toEqual([0, 1]);
  });

  test('shows what became of a hold since', async () => {
    const owner = anOwner();
    // Its deadline has passed.
    const { runId, proposal, space, transitions } = await aHold(redis, { owner, nowMs: Date.now() - 90 * MINUTE_MS });
    const held = aVoteDecision({ proposal_id: proposal, outcome: { kind: 'held', why: 'below_confidence' } });
    const response = aResponse(runId, { space_id: space, decisions: [held] });
    await transitions.finish({ owner, dryRun: false }, response, Date.now());
    const [decision] = decisionsOf(await get('/decisions?outcome=held', await bearer(owner)));
    expect(decision?.outcome).toMatchObject({ kind: 'held', answered: { kind: 'expired' } });
  });

  test('leaves out a run that cannot be read', async () => {
    const owner = anOwner();
    const [odd] = [await aRun(owner, { decisions: three() }), await aRun(owner, { decisions: three() })];
    await redis.hset(keys.run(odd), 'response', '{"status":');
    expect(decisionsOf(await get('/decisions', await bearer(owner)))).toHaveLength(3);
  });
});

describe('GET /evidence/:hash', () => {
  test('gives the record to the letter, which is what its name says', async () => {
    const owner = anOwner();
    const hash = await someEvidence(redis, owner);
    for (const headers of [await bearer(owner), await bearer(anOwner(), 'admin')]) {
      const answer = await get(`/evidence/${hash}`, headers);
      expect(answer).toMatchObject({ status: 200, json: { decision: { owner } } });
      expect(answer.headers['content-type']).toMatch(/^application\/json/);
      expect(createHash('sha256').update(answer.text).digest('hex')).toBe(hash);
      const tagged = { ...headers, 'if-none-match': String(answer.headers['etag']) };
      expect(await get(`/evidence/${hash}`, tagged)).toMatchObject({ status: 304, text: '' });
    }
  });

  test('of another owner looks as if there were none, although its name is public', async () => {
    const headers = await bearer(anOwner());
    const foreign = await get(`/evidence/${await someEvidence(redis, anOwner())}`, headers);
    const none = await get(`/evidence/${aHash()}`, headers);
    for (const answer of [foreign, none]) {
      expect(answer).toMatchObject({ status: 404, json: { detail: 'There is no such evidence.' } });
    }
  });

  test.each(['x', 'A'.repeat(64), `${'a'.repeat(64)}0`, '%zz'])('%s names none', async (name) => {
    expect(await get(`/evidence/${name}`, await bearer(anOwner()))).toMatchObject({ status: 404 });
  });

  test('that was altered in Redis is not shown for what it is not', async () => {
    const owner = anOwner();
    const [hash, other] = [await someEvidence(redis, owner), await someEvidence(redis, owner)];
    await createRecords(redis).putEvidence(hash, (await createRecords(redis).evidence(other)) ?? '');
    expect(await get(`/evidence/${hash}`, await bearer(owner))).toMatchObject({ status: 500 });
    const { text } = await ask(`${gateway.url}/metrics`);
    expect(text).toMatch(/quorum_security_events_total\{.*event="evidence_altered".*\} 1/);
  });
});
