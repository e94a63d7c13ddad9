/**
 * Models are asked only within the budget: the worst case of all questions of a decision is held first, and what they did cost takes
 * its place, whatever became of them.
 *
 *   a model without a price, or a cap that cannot take the worst case  → refused, in words for the owner; nobody is asked
 *   a cap that others hold for now                                    → the job comes back when they have settled, while there is time
 *   held → asked                                                      → charged: what each answer cost
 *                                                                       what is unknown or was cut short: its worst case
 */
import type { Budget, Cap, Caps, Held, Hold } from '@quorum/shared/budget';
import { dollars, microsOf, utcDay } from '@quorum/shared/budget';
import { addUsage, type Usage } from '@quorum/shared/decision';
import type { OwnerId, RunId } from '@quorum/shared/ids';
import { JOBS } from '@quorum/shared/jobs';
import type { Attempt } from '@quorum/shared/job-handler';
import { PostponeError } from '@quorum/shared/run-worker';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { assertNever } from '@quorum/shared/assert-never';
import { randomUUID } from 'node:crypto';
import type { Prices } from './config.ts';
import { worstCase, type PlannedQuestion } from './cost.ts';
import type { ModelMetrics } from './model-metrics.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
/** A job that was stopped at its limit may take a moment to settle. */
const HOLD_MS = JOBS.decide.timeoutMs + MINUTE_MS;
const WAIT_MS = 2 * SECOND_MS;
/**
 * How often others may be in the way: for as long as a job of theirs takes, and one that waited behind it, a wait being half as long
 * again on average. By number, for a job may have waited for its worker for longer than that.
 */
const WAITS_MOST = (2 * HOLD_MS) / (1.5 * WAIT_MS);

/** Asks one question of the plan and counts what it costs. What is thrown on the way counts as its worst case. */
export type Meter = <T extends { readonly usage: Usage }>(
  question: PlannedQuestion,
  ask: () => Promise<T>,
) => Promise<T>;

export type Spent<T> =
  /** `usage`: of all that was asked. */
  | { readonly kind: 'asked'; readonly value: T; readonly usage: Usage }
  /** Nobody was asked. `detail`: which limit, and what to do, for the owner. */
  | { readonly kind: 'refused'; readonly detail: string };

/** Lets all these questions be asked, or none of them. Throws what `ask` throws, and `PostponeError`. */
export type Spend = <T>(plan: readonly PlannedQuestion[], ask: (meter: Meter) => Promise<T>) => Promise<Spent<T>>;

export type SpendDeps = {
  readonly budget: Budget;
  /** As they are now: who lowers a cap means at once. */
  readonly caps: () => Caps;
  readonly prices: Prices;
  readonly metrics: Pick<ModelMetrics, 'spent' | 'held' | 'refusals'>;
  readonly attempt: Pick<Attempt, 'pickups' | 'log'>;
  /** Until when an answer is of use; Unix milliseconds. */
  readonly untilMs: number;
  /** Unix milliseconds. */
  now(): number;
};

export type Spender = { readonly runId: RunId; readonly owner: OwnerId; readonly proposal: ProposalId };

export type Spending = {
  readonly spend: Spend;
  /**
   * Settles once what was asked with success is charged, and rejects where it could not be: to be waited for before anything is recorded
   * that comes of it, which may be made meanwhile.
   */
  charged(): Promise<void>;
};

/** The spending of one decision. */
export function createSpend(who: Spender, deps: SpendDeps): Spending {
  const { budget, metrics, prices } = deps;
  const refuse = (cap: Cap | 'price', detail: string): { kind: 'refused'; detail: string } => {
    metrics.refusals.inc({ cap });
    deps.attempt.log.warn({ cap, detail }, 'no budget');
    return { kind: 'refused', detail };
  };

  let charging: Promise<void> = Promise.resolve();
  const charge = async (hold: Hold, counter: Counter): Promise<void> => {
    const { micros } = hold;
    const cost = counter.micros();
    if (cost > micros)
      deps.attempt.log.error({ cost, held: micros }, 'models cost more than was held: see MODEL_PRICES');
    await budget.settle(hold, cost, counter.usage());
    metrics.held.dec(inDollars(micros));
    metrics.spent.inc(inDollars(cost));
  };

  const spend: Spend = async (plan, ask) => {
    const worst = worstCase(plan, prices);
    if (worst.kind === 'unpriced') return refuse('price', wordsForPrices(worst.models));
    const { micros } = worst;
    const nowMs = deps.now();
    const caps = deps.caps();
    // Two deliveries of one job may both ask, and both are charged; what is sent twice to Redis is not.
    const id = `${who.runId}:${who.proposal}:${randomUUID()}`;
    const held = await budget.hold({ ...who, id, micros, caps, nowMs, forMs: HOLD_MS });
    const mayWait = deps.attempt.pickups < WAITS_MOST && nowMs + 2 * WAIT_MS < deps.untilMs;
    if (held.kind === 'busy' && mayWait) {
      throw new PostponeError(WAIT_MS + Math.random() * WAIT_MS, `Other questions hold the budget (${held.cap}).`);
    }
    if (held.kind !== 'held') return refuse(held.cap, wordsForCap(held, caps, micros, nowMs));

    const counter = createCounter(prices);
    metrics.held.inc(inDollars(micros));
    try {
      const value = await ask(counter.meter);
      charging = charge(held.hold, counter);
      charging.catch(() => undefined);
      return { kind: 'asked', value, usage: counter.usage() };
    } catch (error) {
      await charge(held.hold, counter);
      throw error;
    }
  };
  return { spend, charged: () => charging };
}

/** A question that was begun and not ended: one call at least, of which nothing is known. */
const BEGUN: Usage = { calls: 1, input_tokens: 0, output_tokens: 0, cost_usd: null };

type Counter = { readonly meter: Meter; readonly micros: () => number; readonly usage: () => Usage };

/** Adds up what is asked: in micro-dollars, what is unknown at its worst; and as it is known. */
function createCounter(prices: Prices): Counter {
  const parts: Usage[] = [];
  let total = 0;
  return {
    micros: () => total,
    usage: () => addUsage(parts),
    async meter(question, ask) {
      const worst = worstCase([question], prices);
      const most = worst.kind === 'known' ? worst.micros : 0;
      // From now on it may be billed, whether its answer arrives or not.
      total += most;
      const at = parts.push(BEGUN) - 1;
      const asked = await ask();
      parts[at] = asked.usage;
      const { cost_usd: cost } = asked.usage;
      if (cost !== null) total += microsOf(cost) - most;
      return asked;
    },
  };
}

const inDollars = (micros: number): number => micros / 1e6;

/** The setting comes first: what follows a long title may be cut. */
function wordsForPrices(models: readonly string[]): string {
  const [first = ''] = models;
  return `MODEL_PRICES names no price for ${models.join(', ')}, so that what it costs has no bound; add it, for example ${first}=2/8`;
}

function wordsForCap(
  { cap, spent, held }: Exclude<Held, { kind: 'held' }>,
  caps: Caps,
  micros: number,
  nowMs: number,
): string {
  const { setting, bounds, until } = namesOf(cap, nowMs);
  const others = held > 0 ? ` and ${dollars(held)} held for other questions` : '';
  return `${setting} is ${dollars(caps[cap])} for ${bounds}: ${dollars(spent)} is spent${others}, and this may cost up to ${dollars(micros)}; raise it, or wait until ${until}`;
}

function namesOf(cap: Cap, nowMs: number): { setting: string; bounds: string; until: string } {
  const midnight = `${utcDay(Date.parse(utcDay(nowMs)) + 24 * 60 * MINUTE_MS)} 00:00 UTC`;
  switch (cap) {
    case 'run':
      return { setting: 'BUDGET_USD_PER_RUN', bounds: 'a run', until: 'the next one' };
    case 'owner_day':
      return { setting: 'BUDGET_USD_PER_OWNER_DAY', bounds: 'an owner and day', until: midnight };
    case 'day':
      return { setting: 'BUDGET_USD_PER_DAY', bounds: 'all owners and a day', until: midnight };
    default:
      return assertNever(cap);
  }
}
