/** A gateway with something behind every route: runs, holds, dead deliveries, links, a ranking, an audit chain, keys of each role. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from '@quorum/shared/api-keys';
import { createDeliveries } from '@quorum/shared/deliveries';
import { OwnerId } from '@quorum/shared/ids';
import { handler } from '@quorum/shared/job-handler';
import { JOBS, type JobPayload, type JobResult } from '@quorum/shared/jobs';
import { createMetrics } from '@quorum/shared/metrics';
import { noticeId, type NoticePayload } from '@quorum/shared/notices';
import { connectPatient } from '@quorum/shared/redis';
import { NO_PROPOSALS } from '@quorum/shared/run';
import { runWorker } from '@quorum/shared/run-worker';
import { createWatches, watchOf, WatchRequest } from '@quorum/shared/watches';
import { SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { someEvidence } from '../../../../packages/shared/test/evidence.ts';
import { aHold } from '../../../../packages/shared/test/holds.ts';
import { aResponse, aSpace } from '../../../../packages/shared/test/samples.ts';
import { accept, aCase } from '../../../../packages/shared/test/world.ts';
import { startTestRedis } from '../../../../test/redis.ts';
import { createBoardSessions } from '../../src/board-sessions.ts';
import { openReceiver } from '../receiver.ts';
import { ask, log, openGateway } from '../stand.ts';
import type { Target } from './check.ts';

const ALICE = OwnerId.parse('alice');
const BOB = OwnerId.parse('bob');

/** @param each how many there are of what an answer uses up. */
export async function openContractStand(each: number): Promise<Target & { close(): Promise<void> }> {
  const [server, folder, receiver] = await Promise.all([
    startTestRedis(),
    mkdtemp(join(tmpdir(), 'quorum-contract-')),
    openReceiver(),
  ]);
  const redis = connectPatient(server.url, log);
  const macKey = randomBytes(32);
  const files = {
    API_KEY_FILE: await secret(folder, 'api.key', randomBytes(32)),
    GATEWAY_MAC_KEY_FILE: await secret(folder, 'mac.key', macKey),
    HOLD_MAC_KEY_FILE: await secret(folder, 'hold.key', randomBytes(32)),
    PREFERENCES_MAC_KEY_FILE: await secret(folder, 'preferences.key', randomBytes(32)),
  };
  const env = { PREFERENCES_STORE: 'redis', WEBHOOK_ALLOW_PRIVATE: '1', ALLOW_ANONYMOUS: '1', OWNER_ID: ALICE };
  const gateway = await openGateway(server.url, { ...files, ...env });
  const ranker = rankWith(redis);

  const apiKeys = createApiKeys(redis, macKey);
  const make = async (owner: OwnerId, role: 'viewer' | 'user' | 'admin'): Promise<string> =>
    (await apiKeys.create({ owner, role, name: '', nowMs: Date.now() })).text;
  const [user, viewer, other, admin] = await Promise.all([
    make(ALICE, 'user'),
    make(ALICE, 'viewer'),
    make(BOB, 'user'),
    make(ALICE, 'admin'),
  ]);
  const runs = await many(each, async () => {
    // A space of its own: an owner has one run at a time in each.
    const one = { ...aCase(redis), owner: ALICE, space: aSpace(`${randomBytes(4).toString('hex')}.eth`) };
    await accept(one);
    return one;
  });
  // Some have ended.
  for (const { runId, transitions } of runs.slice(0, each / 2)) {
    await transitions.finish({ owner: ALICE, dryRun: false }, aResponse(runId), Date.now());
  }
  const evidence = await many(2, () => someEvidence(redis, ALICE));
  const holds = await many(each, async () => (await aHold(redis, { owner: ALICE })).subject.hold_id);
  const watch = WatchRequest.parse({ every_s: 3_600 });
  await createWatches(redis).put(watchOf(ALICE, SpaceId.parse('contract.eth'), watch));
  const authorization = `Bearer ${user}`;
  await ask(`${gateway.url}/webhook`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ url: receiver.url }),
  });
  const dead = await many(each, () => aDeadDelivery(redis));
  const sessions = createBoardSessions(redis);
  return {
    url: gateway.url,
    keys: [user, user, user, admin, viewer, other, undefined, randomBytes(32).toString('hex')],
    known: async () => ({
      space_id: ['contract.eth', 'harbour.eth'],
      url: [receiver.url, `${receiver.url}/other`],
      cron: ['0 9 * * *'],
      time_zone: ['Europe/Rome'],
      owner: [ALICE],
      '/holds cursor': holds.map((id) => `w~${Date.now()}~${id}`),
      '/watches cursor': [Buffer.from('a.eth').toString('base64url')],
      'If-Match': ['*'],
      '/agent-run/{id} id': runs.map(({ runId }) => runId),
      '/agent-run/{id}/events id': runs.map(({ runId }) => runId),
      '/agent-run/{id}/timings id': runs.map(({ runId }) => runId),
      '/evidence/{hash} hash': evidence,
      '/holds/{id} id': holds,
      '/webhook/deliveries/{id}/resend id': dead,
      '/admin/queues/link token': await many(5, () => sessions.makeLink({ owner: ALICE, by: 'file', proof: '' })),
    }),
    async close() {
      await ranker.close(0);
      await gateway.stop();
      await receiver.close();
      redis.disconnect();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function secret(folder: string, name: string, bytes: Buffer): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, bytes.toString('hex'), { mode: 0o600 });
  return file;
}

function many<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make));
}

async function aDeadDelivery(redis: Redis): Promise<string> {
  const { runId, space, proposal } = aCase(redis);
  const about = { space_id: space, proposal_id: proposal, run_id: runId };
  const notice: NoticePayload = { owner: ALICE, event: 'vote_failed', ...about };
  const deliveries = createDeliveries(redis);
  await deliveries.begin(notice, { leaseMs: 1, most: 1_000_000, nowMs: Date.now() });
  await deliveries.end(notice, { state: 'dead', why: 'answered 500' }, Date.now());
  return noticeId(notice);
}

/** Stands where the fetcher does; it works nothing but rankings, so that a run stays where a request has put it. */
function rankWith(redis: Redis): ReturnType<typeof runWorker> {
  const never = (): Promise<never> => Promise.reject(new Error('There is no job here'));
  return runWorker({
    queue: 'agent-run',
    handlers: {
      'agent-run': handler(JOBS['agent-run'], { handle: never }),
      turn: handler(JOBS.turn, { handle: never }),
      watchdog: handler(JOBS.watchdog, { handle: never }),
      rank: handler(JOBS.rank, { handle: nothingToRank }),
    },
    connection: redis,
    concurrency: 1,
    log,
    metrics: createMetrics('test'),
  });
}

async function nothingToRank({ space_id }: JobPayload<'rank'>): Promise<JobResult<'rank'>> {
  const found = { errors: [], filter_metrics: NO_PROPOSALS, selected: [], dropped: [] };
  return { kind: 'ranked', ranking: { space_id, dry_run: false, user_preferences_applied: true, ...found } };
}
