/** How much of the day's budget is used up, of all deciders together: read from Redis when somebody asks for metrics. */
import type { Budget, Caps } from '@quorum/shared/budget';
import { askedOnce, measure } from '@quorum/shared/measure';
import type { Registry } from 'prom-client';

const MICROS_PER_DOLLAR = 1e6;

export type BudgetMetricsDeps = {
  readonly budget: Pick<Budget, 'usedToday'>;
  readonly caps: () => Caps;
  /** Unix milliseconds. */
  readonly now: () => number;
};

/** Registers the gauges; each of several deciders says the same. */
export function measureBudget(registry: Registry, { budget, caps, now }: BudgetMetricsDeps): void {
  const used = askedOnce(() => budget.usedToday(now()));
  measure(
    registry,
    'quorum_budget_day_used_usd',
    'US dollars of the cap for all owners and this UTC day that are spent, or held for what is being asked',
    async () => {
      const micros = await used();
      return micros === null ? null : micros / MICROS_PER_DOLLAR;
    },
  );
  measure(
    registry,
    'quorum_budget_day_cap_usd',
    'US dollars that may be spent in a UTC day, for all owners: BUDGET_USD_PER_DAY',
    async () => caps().day / MICROS_PER_DOLLAR,
  );
}
