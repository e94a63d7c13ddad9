/** What a decision needs beside a model, for tests: prices, a budget, answers that are kept, an archive, all of them real. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createBudget, type Caps } from '@quorum/shared/budget';
import { addUsage, type Usage } from '@quorum/shared/decision';
import { createMetrics } from '@quorum/shared/metrics';
import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { afterAll } from 'vitest';
import { createAnswerBook } from '../src/answers.ts';
import { createArchive } from '../src/archive.ts';
import { createModelMetrics } from '../src/model-metrics.ts';
import type { Spend } from '../src/spending.ts';
import { quietLog } from './log.ts';

/** Prices of the models that tests name. */
export const PRICES = {
  small: { input_usd_per_million: 1, output_usd_per_million: 4 },
  large: { input_usd_per_million: 2, output_usd_per_million: 8 },
  spare: { input_usd_per_million: 1, output_usd_per_million: 4 },
};

export const PLENTY: Caps = { run: 1e9, owner_day: 1e12, day: 1e12 };

/** Lets everything be asked: for tests of decisions that are about nothing else. */
export const freely: Spend = async (_plan, ask) => {
  const parts: Usage[] = [];
  const value = await ask(async (_question, one) => {
    const asked = await one();
    parts.push(asked.usage);
    return asked;
  });
  return { kind: 'asked', value, usage: addUsage(parts) };
};

/** Keeps nothing, so that every question is asked. */
export const forgetful = { find: async () => null };

/** A folder for the tests of a file, removed after them. */
export function useFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'quorum-decider-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** What `decideJob` needs for spending and keeping. */
export function jobParts({
  redis,
  key,
  folder,
  caps = PLENTY,
}: {
  redis: Redis;
  key: Buffer;
  folder: string;
  caps?: Caps;
}) {
  const [log, metrics] = [quietLog(), createModelMetrics(new Registry())];
  const { security } = createMetrics('decider');
  return {
    answers: createAnswerBook({ redis, key, security, log }),
    archive: createArchive({ folder, metrics, log, now: Date.now }),
    budget: createBudget(redis),
    caps: () => caps,
    keeps: () => ({ service: 'decider', settings: { DECIDER_MODELS: 'small' } }),
    security,
  };
}
