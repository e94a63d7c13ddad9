/**
 * The one place where the evaluation meets the decider: it runs `decide` as the decider's own job does, on a proposal that no run
 * has fetched, and says what came of it in the terms of the measures.
 */
import { createHash } from 'node:crypto';
import { createModelClient } from '@quorum/decider/ask';
import { DeciderConfig, type Prices } from '@quorum/decider/config';
import { decide, type DecideDeps, type DecideInput } from '@quorum/decider/decide';
import { createModelMetrics } from '@quorum/decider/model-metrics';
import { PERSONAS } from '@quorum/sandbox/model/personas';
import { assertNever } from '@quorum/shared/assert-never';
import { addUsage, type Usage } from '@quorum/shared/decision';
import { newRunId, OwnerId } from '@quorum/shared/ids';
import { createLogger } from '@quorum/shared/log';
import { createMetrics } from '@quorum/shared/metrics';
import { judge, type Verdict } from '@quorum/shared/policy';
import { inSpace, preferencesVersion, UserPreferences } from '@quorum/shared/preferences';
import type { Ballot } from '@quorum/snapshot/ballot';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';

/** What becomes of a proposal: `why` is empty for one that is cast. */
export type Outcome = { readonly kind: 'cast' | 'held' | 'skipped' | 'failed'; readonly why: string };

/** Whether the step that looks for attempts to steer the reader has a say. */
export type Detectors = 'on' | 'off';

export type Decided = {
  /** Null where the answers agreed on nothing. */
  readonly ballot: Ballot | null;
  readonly confidence: number;
  /** By the policy, with the detectors and as if they had found nothing: of the same answers. */
  readonly outcomes: Readonly<Record<Detectors, Outcome>>;
  readonly stakes: 'low' | 'high';
  readonly signals: readonly string[];
  /** What each answer chose; those that are missing are left out. */
  readonly ballots: readonly Ballot[];
  /** Why an answer is missing, for each one that is. */
  readonly missing: readonly string[];
  readonly publicReason: string;
  readonly usage: Usage;
};

/** What the owner wants: how a clean proposal of the corpus names it. */
export type Wishes = Pick<UserPreferences, 'voting_strategy'> & { readonly instructions?: string };

export type Decider = (proposal: Proposal, wishes: Wishes) => Promise<Decided>;

export type { Prices };

export type DeciderOptions = {
  readonly url: string;
  readonly apiKey: string;
  /** Whether that is a sandbox of the evaluation's own. */
  readonly inSandbox: boolean;
  readonly models: readonly string[];
  readonly samples: number;
  readonly prices: Prices;
  /** Orders and nonces follow from it. */
  readonly seed: number;
  readonly signal: AbortSignal;
};

export const DEFAULT_SAMPLES = 3;
const MODEL_TIMEOUT_MS = 60_000;
const MAX_BODY_TOKENS = 24_000;
const MAX_OUTPUT_TOKENS = 4_000;
/** The decider's job would try again; here nobody does, and a busy line would count as a model's silence. */
const RETRIES = 4;
const OWNER = OwnerId.parse('owner');

/** Made up, so that what a run costs is counted like any other: a persona charges nobody. */
export const PERSONA_PRICES: Prices = Object.fromEntries(
  Object.keys(PERSONAS).map((name) => [name, { input_usd_per_million: 1, output_usd_per_million: 4 }]),
);

/** Reads MODEL_PRICES as the decider does; null for what is no list of prices. */
export function readPrices(text: string | undefined): Prices | null {
  if (text === undefined || text === '') return {};
  const read = DeciderConfig.shape.MODEL_PRICES.safeParse(text);
  return read.success ? (read.data ?? {}) : null;
}

/** A decider of these models. What it decides depends on the proposal, the wishes, the models' answers and the seed alone. */
export function createDecider(options: DeciderOptions): Decider {
  const deps: DecideDeps = {
    client: clientOf(options),
    timeoutMs: MODEL_TIMEOUT_MS,
    prices: options.prices,
    metrics: createModelMetrics(createMetrics('eval').registry),
    log: createLogger('eval', 'silent'),
    settings: {
      models: options.models,
      fallbackModels: [],
      samples: options.samples,
      maxBodyTokens: MAX_BODY_TOKENS,
      maxOutputTokens: MAX_OUTPUT_TOKENS,
      secondReading: 'always',
    },
    // Each answer is asked for: nothing is kept from one decision to the next, and no cap stands in the way.
    answers: { find: () => Promise.resolve(null) },
    spend: freely,
    key: createHash('sha256').update(`quorum eval ${options.seed}`).digest(),
    now: Date.now,
  };
  return async (proposal, wishes) => {
    const preferences = preferencesOf(wishes);
    const input: DecideInput = {
      runId: newRunId(),
      owner: OWNER,
      proposal,
      contentHash: contentHash(proposal),
      preferences: inSpace(preferences, proposal.space),
      preferencesVersion: preferencesVersion(preferences),
      votingPower: 1,
      takesPowerBack: false,
      spentBefore: addUsage([]),
    };
    return inOurTerms(await decide(input, deps, options.signal), input);
  };
}

/** Asks whatever is to be asked, and adds up what it cost. */
const freely: DecideDeps['spend'] = async (_plan, ask) => {
  const parts: Usage[] = [];
  const value = await ask(async (_question, put) => {
    const asked = await put();
    parts.push(asked.usage);
    return asked;
  });
  return { kind: 'asked', value, usage: addUsage(parts) };
};

/** Where the sandbox is asked changes with each start; what is decided must not, and a question's hash has the endpoint in it. */
const SANDBOX = 'http://sandbox.invalid/v1';

function clientOf({ url, apiKey, inSandbox }: DeciderOptions): ReturnType<typeof createModelClient> {
  const client = createModelClient({ baseUrl: inSandbox ? SANDBOX : url, apiKey });
  const reroute: typeof fetch = (address, init) => {
    const asked = address instanceof Request ? address.url : address.toString();
    return fetch(asked.replace(SANDBOX, url), init);
  };
  const options = { maxRetries: RETRIES, ...(inSandbox ? { fetch: reroute } : {}) };
  return { ...client, openai: client.openai.withOptions(options) };
}

/** What is unsure is held, and a reason is written: so the evaluation sees every alarm, and every sentence that would be public. */
function preferencesOf(wishes: Wishes): UserPreferences {
  return UserPreferences.parse({ ...wishes, approval: 'when_unsure', publish_reason: 'full' });
}

function inOurTerms(decided: Awaited<ReturnType<typeof decide>>, { preferences }: DecideInput): Decided {
  if (decided.kind === 'no_budget') throw new Error(`No budget, where none is kept: ${decided.detail}`);
  if (decided.kind === 'too_few_answers') {
    const failed: Outcome = { kind: 'failed', why: decided.whys[0] ?? 'invalid' };
    const nothing = { ballot: null, confidence: 0, stakes: 'low', signals: [], ballots: [], publicReason: '' } as const;
    return { ...nothing, missing: decided.whys, outcomes: { on: failed, off: failed }, usage: decided.usage };
  }
  const { decision, judgement } = decided;
  const blind = judge({ ...decision, signals: [] }, preferences);
  return {
    ballot: judgement.aggregate.ballot,
    confidence: judgement.aggregate.confidence,
    outcomes: {
      on: outcomeOf(judgement.verdict),
      off: blind.kind === 'judged' ? outcomeOf(blind.verdict) : { kind: 'failed', why: 'invalid' },
    },
    stakes: judgement.aggregate.stakes,
    signals: decision.signals.map(({ kind }) => kind),
    ballots: decision.samples.flatMap((sample) => (sample.kind === 'answer' ? [sample.ballot] : [])),
    missing: decision.samples.flatMap((sample) => (sample.kind === 'no_answer' ? [sample.why] : [])),
    publicReason: decision.public_reason,
    usage: decision.usage,
  };
}

function outcomeOf(verdict: Verdict): Outcome {
  switch (verdict.kind) {
    case 'cast':
      return { kind: 'cast', why: '' };
    case 'hold':
      return { kind: 'held', why: verdict.why };
    case 'skip':
      return { kind: 'skipped', why: verdict.why };
    default:
      return assertNever(verdict);
  }
}
