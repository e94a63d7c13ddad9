/** Decides one proposal with any endpoint, for tests of what comes of it. */
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { addUsage } from '@quorum/shared/decision';
import type { Aggregate } from '@quorum/shared/aggregate';
import { Registry } from 'prom-client';
import { PATIENT } from '../../../test/patience.ts';
import { createModelClient } from '../src/ask.ts';
import { decide, type Decided, type DecideDeps } from '../src/decide.ts';
import { createModelMetrics } from '../src/model-metrics.ts';
import { forgetful, freely } from './asking.ts';
import { preferencesWith } from './fixtures.ts';
import { quietLog } from './log.ts';

export type Deciding = {
  /** For OPENAI_BASE_URL. */
  readonly url: string;
  readonly models?: readonly string[];
  readonly fallbackModels?: readonly string[];
  readonly samples?: number;
  readonly maxBodyTokens?: number;
  readonly secondReading?: DecideDeps['settings']['secondReading'];
  readonly timeoutMs?: number;
  readonly limit?: AbortSignal;
  readonly answers?: DecideDeps['answers'];
  readonly spend?: DecideDeps['spend'];
  /** The decider's key: nonces and orders are drawn from it. */
  readonly key?: Buffer;
  readonly wishes?: Parameters<typeof preferencesWith>[0];
  readonly takesPowerBack?: boolean;
};

/**
 * Decides a proposal: nothing is kept, nothing has a price, nothing is read twice, and the key is the same each
 * time, unless it is said otherwise.
 */
export function decideFor(proposal: Proposal, deciding: Deciding): Promise<Decided> {
  const { url, models = ['small'], fallbackModels = [], samples = 3, maxBodyTokens = 24_000 } = deciding;
  const { secondReading = 'never', takesPowerBack = false } = deciding;
  const deps = {
    client: createModelClient({ baseUrl: url, apiKey: 'sandbox' }),
    timeoutMs: deciding.timeoutMs ?? PATIENT.timeout,
    prices: {},
    ...(deciding.limit === undefined ? {} : { limit: deciding.limit }),
    answers: deciding.answers ?? forgetful,
    spend: deciding.spend ?? freely,
    metrics: createModelMetrics(new Registry()),
    log: quietLog(),
    settings: { models, fallbackModels, samples, maxBodyTokens, maxOutputTokens: 4_000, secondReading },
    key: deciding.key ?? Buffer.alloc(32, 7),
    now: Date.now,
  };
  const input = {
    runId: newRunId(),
    owner: OwnerId.parse('owner'),
    proposal,
    contentHash: contentHash(proposal),
    preferences: preferencesWith({ confidence_threshold: 0.5, ...deciding.wishes }),
    preferencesVersion: '0'.repeat(64),
    votingPower: 1,
    takesPowerBack,
    spentBefore: addUsage([]),
  };
  return decide(input, deps, new AbortController().signal);
}

export type Aggregated = Extract<Aggregate, { kind: 'aggregated' }>;

/** What the answers came to. Throws where there is no decision. */
export function aggregateOf(decided: Decided): Aggregated {
  if (decided.kind !== 'decided') throw new Error(`No decision: ${JSON.stringify(decided)}`);
  return decided.judgement.aggregate;
}
