/** What each of the hub's lists may be filtered and ordered by. */
import type { ListRules } from './filters.ts';

export const SPACES: ListRules = {
  columns: { id: 'text', created: 'number', verified: 'boolean', turbo: 'boolean' },
  orders: ['created', 'updated', 'id'],
  limits: { skip: 100_000 },
};

export const RANKING = { limits: { first: 20, skip: 100_000 } };

export const PROPOSALS: ListRules = {
  columns: {
    id: 'text',
    ipfs: 'text',
    space: 'text',
    author: 'address',
    network: 'text',
    created: 'number',
    updated: 'number',
    app: 'text',
    start: 'number',
    end: 'number',
    type: 'text',
    scores_state: 'text',
    votes: 'number',
    scores_total_value: 'number',
  },
  orders: ['created', 'start', 'end'],
  limits: { space_in: 10_000 },
};

export const VOTES: ListRules = {
  columns: {
    id: 'text',
    ipfs: 'text',
    space: 'text',
    voter: 'address',
    proposal: 'text',
    reason: 'text',
    app: 'text',
    created: 'number',
    vp: 'number',
    vp_state: 'text',
  },
  orders: ['created', 'vp'],
};

export const ALIASES: ListRules = {
  columns: { id: 'text', ipfs: 'text', address: 'address', alias: 'evm', created: 'number' },
  orders: ['created'],
};

export const MESSAGES: ListRules = {
  columns: { id: 'text', mci: 'number', address: 'text', timestamp: 'number', space: 'text', type: 'text' },
  orders: ['timestamp', 'mci'],
  unknownOrder: 'mci',
  ties: ['mci'],
};

export const FOLLOWS: ListRules = {
  columns: { id: 'text', ipfs: 'text', follower: 'address', space: 'text', network: 'text', created: 'number' },
  orders: ['created'],
};

export const SUBSCRIPTIONS: ListRules = {
  columns: { id: 'text', ipfs: 'text', address: 'evm', space: 'text', created: 'number' },
  orders: ['created'],
};

export const USERS: ListRules = {
  columns: { id: 'address', ipfs: 'text', created: 'number' },
  orders: ['created'],
};

export const STATEMENTS: ListRules = {
  columns: {
    id: 'text',
    ipfs: 'text',
    space: 'text',
    network: 'text',
    delegate: 'address',
    created: 'number',
    source: 'text',
  },
  orders: ['created'],
};

export const LEADERBOARDS: ListRules = {
  columns: {
    user: 'address',
    space: 'text',
    last_vote: 'number',
    vote_count: 'number',
    proposal_count: 'number',
  },
  orders: ['vote_count', 'proposal_count', 'last_vote', 'user', 'space', 'vp_value'],
  ties: ['vote_count', 'proposal_count', 'last_vote', 'user', 'vp_value'],
};
