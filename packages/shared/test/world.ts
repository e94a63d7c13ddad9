/** A Redis of its own for a test file, and what the tests of records and transitions do with it again and again. */
import type { Address, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll } from 'vitest';
import { startTestRedis, type TestRedis, type TestRedisOptions } from '../../../test/redis.ts';
import { newRunId, type OwnerId, type RunId } from '../src/ids.ts';
import { connectPatient } from '../src/redis.ts';
import { createTransitions, type Transitions } from '../src/transitions.ts';
import type { ReserveInput } from '../src/vote-transitions.ts';
import { enableVoting } from '../src/voting.ts';
import { aHash, anAddress, anOwner, aProposalId, aSpace, quiet } from './samples.ts';

export const NOW_MS = Date.UTC(2026, 10, 20, 12);

/** Starts a Redis before the tests of this file and ends it after them. */
export function useRedis(options: TestRedisOptions = {}): { server: () => TestRedis; redis: () => Redis } {
  let server: TestRedis | undefined;
  let redis: Redis | undefined;
  beforeAll(async () => {
    server = await startTestRedis(options);
    redis = connectPatient(server.url, quiet);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });
  const started = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the Redis of this file is not started yet');
    return part;
  };
  return { server: () => started(server), redis: () => started(redis) };
}

export type Case = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly space: SpaceId;
  readonly proposal: ProposalId;
  readonly runId: RunId;
  readonly transitions: Transitions;
};

/** A running run of an owner of its own, with voting enabled: nothing that another test does can be seen here. */
export async function aRunningRun(redis: Redis, given: { dryRun?: boolean } = {}): Promise<Case> {
  const one = aCase(redis);
  await accept(one, given);
  await one.transitions.start(one.runId, NOW_MS);
  await enableVoting(redis, one.owner);
  return one;
}

/** Owner, voter, space and proposal of nobody else; no run is accepted yet. */
export function aCase(redis: Redis): Case {
  const transitions = createTransitions(redis);
  return {
    owner: anOwner(),
    voter: anAddress(),
    space: aSpace(),
    proposal: aProposalId(),
    runId: newRunId(),
    transitions,
  };
}

export function accept(one: Case, given: { runId?: RunId; dryRun?: boolean; key?: string; bodyHash?: string } = {}) {
  const { runId = one.runId, dryRun = false, key, bodyHash = 'body' } = given;
  const idempotency = key === undefined ? null : { key, bodyHash };
  return one.transitions.accept({ runId, owner: one.owner, space: one.space, dryRun, idempotency, nowMs: NOW_MS });
}

/** What `reserve`, `maySend` and `confirm` are asked about; `voteId` names the intent. */
export function vote(one: Case, given: Partial<ReserveInput> = {}): ReserveInput & { envelopeHash: string } {
  const { owner, voter, space, proposal, runId } = one;
  return {
    owner,
    voter,
    space,
    proposal,
    runId,
    voteId: 'vote-1',
    intent: '{"envelope":"sealed"}',
    created: NOW_MS / 1_000,
    evidenceHash: aHash(),
    preferencesVersion: 'version-1',
    replaces: null,
    envelopeHash: aHash(),
    votesPerDay: 50,
    nowMs: NOW_MS,
    ...given,
  };
}

/** The entries of an audit stream, oldest first. */
export async function auditOf(redis: Redis, key: string): Promise<Record<string, string>[]> {
  const entries = await redis.xrange(key, '-', '+');
  return entries.map(([, fields]) =>
    Object.fromEntries(
      fields.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, fields[at + 1] ?? '']] : [])),
    ),
  );
}
