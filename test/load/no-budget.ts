/** Settings of a decider that is to decide as often as it is asked to. */
export const NO_BUDGET = { BUDGET_USD_PER_OWNER_DAY: '100000', BUDGET_USD_PER_DAY: '1000000' } as const;
