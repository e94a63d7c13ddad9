/** What of a world only the hub reads: users, follows, subscriptions, statements, strategies and options. */
import type { HubLists } from './world-extras.ts';

export const NO_HUB_RECORDS: HubLists = {
  users: [],
  follows: [],
  subscriptions: [],
  statements: [],
  strategies: [],
  options: [],
};

/** What is there and what is added; of two with one id (or name) the added one stays. */
export function withHubRecords(known: HubLists, added: HubLists): HubLists {
  const byId = (row: { readonly id: string }): string => row.id.toLowerCase();
  return {
    users: merged(known.users, added.users, byId),
    follows: merged(known.follows, added.follows, byId),
    subscriptions: merged(known.subscriptions, added.subscriptions, byId),
    statements: merged(known.statements, added.statements, byId),
    strategies: merged(known.strategies, added.strategies, byId),
    options: merged(known.options, added.options, ({ name }) => name),
  };
}

function merged<Row>(known: readonly Row[], added: readonly Row[], nameOf: (row: Row) => string): Row[] {
  return [...new Map([...known, ...added].map((row) => [nameOf(row), row])).values()];
}
