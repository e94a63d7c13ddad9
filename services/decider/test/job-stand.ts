/** Where a decide job is worked in tests: a real Redis with its stores, a model server, and all else that the job is handed. */
import type { Caps } from '@quorum/shared/budget';
import { createRecords } from '@quorum/shared/records';
import { createTransitions } from '@quorum/shared/transitions';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll, beforeAll } from 'vitest';
import { PATIENT } from '../../../test/patience.ts';
import { startTestRedis } from '../../../test/redis.ts';
import { createModelClient } from '../src/ask.ts';
import type { DecideJobDeps, RunTerms } from '../src/decide-job.ts';
import { createModelMetrics } from '../src/model-metrics.ts';
import { jobParts, PRICES } from './asking.ts';
import { quietLog } from './log.ts';
import { startModelServer, type ModelServer } from './model-server.ts';
import type { Stores } from './runs.ts';

/** When a job is worked, where a test does not say. */
export const NOW_MS = 1_790_000_100_000;

export type JobStand = { readonly redis: Redis; readonly server: ModelServer; readonly stores: Stores };

/** Starts one for the tests of a file or of a `describe`, and stops it after them. There is none while tests are collected. */
export function useJobStand(): JobStand {
  let started: JobStand | null = null;
  let stop = async (): Promise<unknown> => undefined;
  beforeAll(async () => {
    const [testRedis, server] = await Promise.all([startTestRedis(), startModelServer()]);
    const redis = new Redis(testRedis.url);
    started = { redis, server, stores: { records: createRecords(redis), transitions: createTransitions(redis) } };
    stop = () => {
      redis.disconnect();
      return Promise.all([testRedis.stop(), server.close()]);
    };
  });
  afterAll(() => stop());
  const stand = (): JobStand => {
    if (started === null) throw new Error('The stand is started before the tests, not while they are collected');
    return started;
  };
  return {
    get redis() {
      return stand().redis;
    },
    get server() {
      return stand().server;
    },
    get stores() {
      return stand().stores;
    },
  };
}

type Settings = RunTerms['settings'];

export type Job = {
  readonly key: Buffer;
  readonly folder: string;
  readonly settings: Pick<Settings, 'models' | 'samples' | 'secondReading'> & Partial<Settings>;
  readonly last: boolean;
  /** How often the job was taken up; the first time unless it is said. */
  readonly pickups?: number;
  readonly caps?: Caps;
  readonly timeoutMs?: number;
  readonly nowMs?: number;
  readonly minTimeToVoteS?: number;
};

/** What `decideJob` needs on a stand. */
export function jobDeps({ redis, server, stores }: JobStand, job: Job): DecideJobDeps {
  const {
    key,
    folder,
    settings,
    last,
    pickups = 1,
    caps,
    timeoutMs = PATIENT.timeout,
    nowMs = NOW_MS,
    minTimeToVoteS = 120,
  } = job;
  return {
    ...jobParts({ redis, key, folder, ...(caps === undefined ? {} : { caps }) }),
    records: stores.records,
    client: createModelClient({ baseUrl: server.url, apiKey: 'key' }),
    metrics: createModelMetrics(new Registry()),
    termsOf: async () => ({
      timeoutMs,
      prices: PRICES,
      minTimeToVoteS,
      settings: { fallbackModels: [], maxBodyTokens: 4_000, maxOutputTokens: 1_000, ...settings },
    }),
    key,
    now: () => nowMs,
    attempt: { last, pickups, log: quietLog() },
  };
}
