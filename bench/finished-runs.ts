/**
 * Many finished runs, made of one that really ran. Each is accepted and ended by the product's own steps, which write its record, its
 * places in the lists and the audit of its owner; then what was packed of the one, its evidence and its pointers to answers are copied
 * under new ids. So there stands in Redis what so many runs leave behind once their jobs and events have gone, an hour after their end.
 */
import { createHash, randomUUID } from 'node:crypto';
import { newRunId, type OwnerId, type RunId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys, RETENTION_S } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import type { SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { atOnce } from './stand.ts';

const HOUR_MS = 60 * 60 * 1_000;
/** Runs end between this long ago and an hour ago: none is so old that it is listed no more. */
const OLDEST_MS = 29 * 24 * HOUR_MS;
/** How many are copied at once, each of another owner or space: these have one open run at a time. */
const AT_ONCE = 500;

export type History = {
  /** A run that has ended, packed, on the same Redis. */
  readonly template: RunId;
  readonly owners: readonly OwnerId[];
  readonly spaces: readonly SpaceId[];
  readonly count: number;
};

/** Copies the run `count` times, across all owners and spaces, spread over a month. No fetcher may run: it would end them first. */
export async function copyRuns(redis: Redis, { template, owners, spaces, count }: History): Promise<void> {
  const records = createRecords(redis);
  const transitions = createTransitions(redis);
  const response = (await records.run(template))?.response;
  const packed = await redis.hgetBuffer(keys.run(template), 'packed');
  if (response === null || response === undefined || packed === null) throw new Error('That run was not packed');
  const evidence = response.decisions.map(({ evidence_hash: hash }) => keys.evidence(hash));

  const copy = async (at: number, owner: OwnerId, space: SpaceId): Promise<void> => {
    const runId = newRunId();
    const nowMs = Date.now() - OLDEST_MS + Math.floor((at / count) * (OLDEST_MS - HOUR_MS));
    const { dry_run: dryRun } = response;
    const { kind } = await transitions.accept({ runId, owner, space, dryRun, idempotency: null, nowMs });
    if (kind !== 'created') throw new Error(`A copy in ${space} was not accepted: ${kind}`);
    await transitions.finish({ owner, dryRun }, { ...response, run_id: runId, space_id: space }, nowMs);
    const rest = redis.pipeline().hset(keys.run(runId), 'packed', packed).hdel(keys.run(runId), 'response');
    rest.unlink(keys.runEvents(runId));
    for (const key of evidence) {
      const hash = createHash('sha256').update(randomUUID()).digest('hex');
      rest.copy(key, keys.evidence(hash)).expire(keys.evidence(hash), RETENTION_S.evidence);
      rest.set(
        keys.answers(owner, hash),
        JSON.stringify({ evidence_hash: hash, mac: hash }),
        'EX',
        RETENTION_S.answers,
      );
    }
    for (const [error] of (await rest.exec()) ?? []) if (error !== null) throw error;
  };

  const pairs = spaces.flatMap((space) => owners.map((owner) => ({ owner, space })));
  const all = Array.from({ length: count }, (_, at) => at);
  // The next begins as soon as one is done: so neither Redis nor this process waits for the other.
  await atOnce(Math.min(AT_ONCE, Math.ceil(pairs.length / 2)), all, async (at) => {
    const pair = pairs[at % pairs.length];
    if (pair !== undefined) await copy(at, pair.owner, pair.space);
  });
}
