import { randomBytes } from 'node:crypto';
import { writeHeartbeat } from '@quorum/shared/heartbeat';
import { createMetrics } from '@quorum/shared/metrics';
import type { HeldWhy } from '@quorum/shared/outcome';
import { UserPreferences } from '@quorum/shared/preferences';
import { createRecords } from '@quorum/shared/records';
import { connectFailFast } from '@quorum/shared/redis';
import { keys } from '@quorum/shared/redis-keys';
import { sealDecision } from '@quorum/shared/sealed-decision';
import { enableVoting } from '@quorum/shared/voting';
import type { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { aHold, anAnswerTo, MINUTE_MS, type HoldCase } from '../../../packages/shared/test/holds.ts';
import { aDecision, aHash, anAddress, filterMetrics, quiet } from '../../../packages/shared/test/samples.ts';
import { aRunningRun, NOW_MS, useRedis, type Case } from '../../../packages/shared/test/world.ts';
import { samplesOf } from '../../../test/scraped.ts';
import { measureFleet } from './fleet-metrics.ts';
import type { NextJobs } from './queues.ts';

const { redis } = useRedis();
afterEach(async () => void (await redis().flushall()));

/** What a gateway says now: values by name, and by name and label where there is one. */
async function measured({
  on = redis(),
  nowMs = NOW_MS,
  next = NOTHING,
}: { on?: Redis; nowMs?: number; next?: NextJobs } = {}) {
  const metrics = createMetrics('gateway');
  const queues = { next: async (queue: string) => (queue === 'vote' ? next : NOTHING) };
  measureFleet({ redis: on, metrics, queues, records: createRecords(on), now: () => nowMs });
  const samples = samplesOf([await metrics.registry.metrics()]);
  return new Map(
    samples.map(({ name, labels: { service: _service, ...labels }, value }) => [
      [name, ...Object.values(labels)].join(' '),
      value,
    ]),
  );
}

const NOTHING: NextJobs = { paused: false, jobs: [] };

/** Opens a run with one proposal that closes then, and has it decided. */
async function decided(one: Case, endMs: number, { dryRun = false } = {}): Promise<void> {
  const records = createRecords(redis());
  const content_hash = aHash();
  const selected = {
    proposal_id: one.proposal,
    content_hash,
    title: 'x',
    link: 'x',
    end: endMs / 1_000,
    voting_power: 1,
  };
  await records.open(one.runId, {
    preferences: UserPreferences.parse({}),
    preferences_version: aHash(),
    preferences_applied: true,
    dry_run: dryRun,
    voter: one.voter,
    errors: [],
    filter_metrics: filterMetrics(),
    selected: [selected],
    closing_too_soon: [],
    left_over: { all: null, fresh: null },
  });
  const sealed = sealDecision(aDecision({ content_hash }), randomBytes(32));
  await records.decide(one.runId, one.proposal, { kind: 'decided', sealed });
}

test('where nothing is open there is no deadline, and ages are 0', async () => {
  const now = await measured();
  expect(now.get('quorum_open_runs')).toBe(0);
  expect(now.get('quorum_oldest_open_run_seconds')).toBe(0);
  expect(now.get('quorum_holds_open')).toBe(0);
  expect(now.get('quorum_vote_deadline_seconds vote')).toBeNaN();
  expect(now.get('quorum_vote_deadline_seconds owner')).toBeNaN();
  expect(now.get('quorum_vote_deadline_seconds resumption')).toBeNaN();
  expect(now.get('quorum_queue_oldest_job_seconds vote')).toBe(0);
  expect(now.get('quorum_workers voter')).toBe(0);
  expect(now.get('quorum_voting_enabled')).toBe(0);
});

test('the oldest open run, and the time that is left for what it decided and did not vote on', async () => {
  const [one, other, dry] = [await aRunningRun(redis()), await aRunningRun(redis()), await aRunningRun(redis())];
  await decided(one, NOW_MS + 600_000);
  await decided(other, NOW_MS + 300_000);
  await decided(dry, NOW_MS + 60_000, { dryRun: true });
  const before = await measured({ nowMs: NOW_MS + 5_000 });
  expect(before.get('quorum_open_runs')).toBe(3);
  expect(before.get('quorum_oldest_open_run_seconds')).toBe(5);
  expect(before.get('quorum_vote_deadline_seconds vote')).toBe(295);
  const cast = { outcome: { kind: 'cast' }, settled_at: NOW_MS } as const;
  await createRecords(redis()).settle(other.runId, other.proposal, cast);
  expect((await measured()).get('quorum_vote_deadline_seconds vote')).toBe(600);
});

test('a run whose record cannot be read is open, and its age not known', async () => {
  const { runId } = await aRunningRun(redis());
  await redis().hset(keys.run(runId), 'state', 'sleepwalking');
  const now = await measured({ nowMs: NOW_MS + 5_000 });
  expect(now.get('quorum_open_runs')).toBe(1);
  expect(now.get('quorum_oldest_open_run_seconds')).toBeNaN();
});

test('what waits for its owner, by the first deadline', async () => {
  const first = await aHold(redis(), { nowMs: NOW_MS });
  await aHold(redis(), { nowMs: NOW_MS + 60_000 });
  const now = await measured();
  expect(now.get('quorum_holds_open')).toBe(2);
  expect(now.get('quorum_vote_deadline_seconds owner')).toBe((first.subject.deadline - NOW_MS) / 1_000);
});

/** How many seconds are left for the most urgent hold of each kind; null where there is none. */
async function left(): Promise<Record<string, number | null>> {
  const now = await measured();
  const of = (waitsFor: string): number | null => {
    const seconds = now.get(`quorum_vote_deadline_seconds ${waitsFor}`);
    return seconds === undefined || Number.isNaN(seconds) ? null : seconds;
  };
  return { vote: of('vote'), owner: of('owner'), resumption: of('resumption') };
}

/** A hold whose deadline is so many minutes away. */
async function heldFor(minutes: number, why: HeldWhy = 'below_confidence'): Promise<HoldCase> {
  const hold = await aHold(redis(), { why, nowMs: NOW_MS, subject: { deadline: NOW_MS + minutes * MINUTE_MS } });
  await enableVoting(redis(), hold.owner);
  return hold;
}

async function approve({ transitions, subject }: HoldCase): Promise<void> {
  const sealed = { answer: anAnswerTo(subject), mac: aHash() };
  expect(await transitions.answerHold({ subject }, { kind: 'answer', sealed }, NOW_MS)).toMatchObject({ kind: 'done' });
}

test('a hold that was approved waits for its vote, and for its owner no more', async () => {
  const approved = await heldFor(10);
  await heldFor(20);
  await heldFor(30, 'voting_paused');
  expect(await left()).toEqual({ owner: 10 * 60, vote: 30 * 60, resumption: null });
  await approve(approved);
  expect(await left()).toEqual({ owner: 20 * 60, vote: 10 * 60, resumption: null });
});

test('while no votes are sent for its owner, what would be voted on waits for them to be', async () => {
  const paused = await heldFor(10, 'voting_paused');
  const approved = await heldFor(20);
  await approve(approved);
  await heldFor(30);
  await redis().del(keys.votingOwner(paused.owner));
  expect(await left()).toEqual({ owner: 30 * 60, vote: 20 * 60, resumption: 10 * 60 });
  await redis().del(keys.votingGlobal());
  expect(await left()).toEqual({ owner: 30 * 60, vote: null, resumption: 10 * 60 });
  await enableVoting(redis(), paused.owner);
  expect(await left()).toEqual({ owner: 30 * 60, vote: 10 * 60, resumption: null });
});

test('a hold that cannot be read stands in the way of no other', async () => {
  const [broken, odd] = [await heldFor(10, 'voting_paused'), await heldFor(10)];
  await heldFor(20, 'voting_paused');
  await redis().hset(keys.hold(broken.subject.hold_id), 'subject', '{}');
  await redis().hset(keys.hold(odd.subject.hold_id), 'state', 'sleepwalking');
  await redis().zadd(keys.openHolds(), NOW_MS, 'no hold at all');
  expect(await left()).toEqual({ owner: null, vote: 20 * 60, resumption: null });
  expect((await measured()).get('quorum_holds_open')).toBe(4);
});

test('how old the oldest job is that would be taken next, and who takes jobs', async () => {
  const jobs = [
    { id: '1', addedAtMs: NOW_MS - 2_000 },
    { id: '2', addedAtMs: NOW_MS - 9_000 },
  ];
  for (const [instance, working] of [
    ['a', true],
    ['b', true],
    ['c', false],
  ] as const) {
    await writeHeartbeat(redis(), {
      service: 'voter',
      instance: instance.repeat(12),
      version: '1',
      started_at: new Date().toISOString(),
      every_s: 5,
      working,
      redis_ms: 1,
      event_loop_ms: 1,
      cpu: 0,
      memory_bytes: 1,
      memory_share: 0,
      disk_free_bytes: null,
      upstreams: {},
      parts: {},
    });
  }
  const now = await measured({ next: { paused: false, jobs } });
  expect(now.get('quorum_queue_oldest_job_seconds vote')).toBe(9);
  expect(now.get('quorum_queue_oldest_job_seconds decide')).toBe(0);
  expect([now.get('quorum_workers voter'), now.get('quorum_workers fetcher')]).toEqual([2, 0]);
});

test('whose votes are not sent', async () => {
  const [one, other] = [await aRunningRun(redis()), await aRunningRun(redis())];
  const records = createRecords(redis());
  for (const { owner } of [one, other]) {
    await records.announceSigner(owner, { voter: anAddress(), kind: 'own_key', allowed_spaces: [] });
  }
  expect((await measured()).get('quorum_owners_paused')).toBe(0);
  await redis().del(keys.votingOwner(other.owner));
  const paused = await measured();
  expect([paused.get('quorum_owners_paused'), paused.get('quorum_voting_enabled')]).toEqual([1, 1]);
  await enableVoting(redis(), other.owner);
  await redis().del(keys.votingGlobal());
  const all = await measured();
  expect([all.get('quorum_owners_paused'), all.get('quorum_voting_enabled')]).toEqual([2, 0]);
});

test('without Redis nothing is said that would look like a number of now', async () => {
  // Nobody listens there.
  const away = connectFailFast('redis://127.0.0.1:1', quiet);
  const now = await measured({ on: away });
  away.disconnect();
  expect(now.get('quorum_open_runs')).toBeNaN();
  expect(now.get('quorum_voting_enabled')).toBeNaN();
  expect(now.has('quorum_workers voter')).toBe(false);
});
