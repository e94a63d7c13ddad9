/**
 * The hub's lists against a plain reading of their rules: what fits, in which order, and which page of it. Asked over HTTP, in a
 * world of its own with enough alike in it that every filter has something to take and something to leave.
 */
import { fc, test } from '@fast-check/vitest';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { z } from 'zod';
import { ask } from '../../test/client.ts';
import { startSandbox, type Sandbox } from '../start-sandbox.ts';
import type { World } from '../world.ts';

const NOW = 1_800_000_000;
const SPACES = ['small.eth', 'Large.eth', 'other.eth'];
const AUTHORS = ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8', '0x000000000000000000000000000000000000dEaD'];

type Proposal = {
  readonly id: string;
  readonly space: string;
  readonly author: string;
  readonly title: string;
  readonly created: number;
  readonly start: number;
  readonly end: number;
  readonly app: string;
  readonly flagged: boolean;
  readonly choices: readonly string[];
};

/** Times repeat, so that ties happen; some stand exactly on the clock. */
const PROPOSALS: readonly Proposal[] = Array.from({ length: 60 }, (_, index) => ({
  id: `0x${((index * 7919) % 997).toString(16).padStart(64, '0')}`,
  space: SPACES[index % 3] ?? '',
  author: AUTHORS[index % 2] ?? '',
  title: `${index % 4 === 0 ? 'Grant' : 'Upgrade'} ${index}`,
  created: NOW - 1_000 + (index % 9),
  start: NOW - 3 + (index % 6),
  end: NOW + 4 + ((index * 5) % 7) - (index % 5 === 0 ? 4 + ((index * 5) % 7) : 0) + (index % 6),
  app: index % 3 === 0 ? 'snapshot-v2' : 'other-app',
  flagged: index % 7 === 0,
  choices: ['For', 'Against'],
}));

const VOTES = Array.from({ length: 80 }, (_, index) => ({
  id: `0x${((index * 613) % 911).toString(16).padStart(64, '0')}`,
  voter: `0x${String(index + 1).padStart(40, '0')}`,
  created: NOW - (index % 11),
  space: PROPOSALS[index % 10]?.space ?? '',
  proposal: PROPOSALS[index % 10]?.id ?? '',
  choice: 1 + (index % 2),
  vp: (index * 3) % 13,
  reason: index % 4 === 0 ? 'because' : '',
}));

let sandbox: Sandbox;
beforeAll(async () => {
  const world: World = {
    now: NOW,
    spaces: SPACES.map((id) => ({ id, name: id, verified: id === 'Large.eth' })),
    proposals: PROPOSALS.map((proposal) => ({
      ...proposal,
      choices: [...proposal.choices],
      end: Math.max(proposal.end, proposal.start + 1),
    })),
    votes: VOTES,
  };
  sandbox = await startSandbox({ world });
});
afterAll(() => sandbox.close());

const Ids = z.array(z.object({ id: z.string() }));

async function idsOf(field: 'proposals' | 'votes', type: string, asked: Asked): Promise<string[]> {
  const query = `query ($first: Int!, $skip: Int!, $where: ${type}, $orderBy: String, $orderDirection: OrderDirection) {
    ${field}(first: $first, skip: $skip, where: $where, orderBy: $orderBy, orderDirection: $orderDirection) { id }
  }`;
  return Ids.parse((await ask(sandbox.url, query, { ...asked }))[field]).map(({ id }) => id);
}

type Asked = {
  readonly first: number;
  readonly skip: number;
  readonly where: Readonly<Record<string, unknown>>;
  readonly orderBy?: string | undefined;
  readonly orderDirection?: 'asc' | 'desc' | undefined;
};

/** The plain reading: keep, sort by the field and then by id, cut. */
function plainly<Row extends { readonly id: string }>(
  rows: readonly Row[],
  fits: (row: Row) => boolean,
  by: (row: Row) => number,
  { first, skip, orderDirection }: Asked,
): string[] {
  const turn = orderDirection === 'asc' ? 1 : -1;
  const sorted = rows.filter(fits).toSorted((a, b) => turn * (by(a) - by(b)) || (a.id < b.id ? -1 : 1));
  return sorted.slice(skip, skip + first).map(({ id }) => id);
}

const page = {
  first: fc.integer({ min: 0, max: 70 }),
  skip: fc.integer({ min: 0, max: 20 }),
  orderDirection: fc.option(fc.constantFrom('asc' as const, 'desc' as const), { nil: undefined }),
};
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const time = fc.integer({ min: NOW - 1_002, max: NOW - 990 });

const proposalWhere = fc.record({
  space: maybe(fc.constantFrom(...SPACES, 'LARGE.ETH', 'none.eth')),
  space_in: maybe(fc.subarray([...SPACES, 'none.eth'])),
  author: maybe(fc.constantFrom(...AUTHORS.map((author) => author.toLowerCase()))),
  author_in: maybe(fc.subarray(AUTHORS)),
  title_contains: maybe(fc.constantFrom('grant', 'UPGRADE', '1', 'nothing')),
  app_not: maybe(fc.constantFrom('other-app', 'snapshot-v2')),
  created_gt: maybe(time),
  created_gte: maybe(time),
  created_lt: maybe(time),
  created_lte: maybe(time),
  flagged: maybe(fc.boolean()),
  space_verified: maybe(fc.boolean()),
  state: maybe(fc.constantFrom('pending', 'active', 'closed', 'nonsense')),
});

type ProposalWhere = typeof proposalWhere extends fc.Arbitrary<infer Where> ? Where : never;

const low = (text: string): string => text.toLowerCase();
const bounded = (
  value: number,
  where: { gt?: number | undefined; gte?: number | undefined; lt?: number | undefined; lte?: number | undefined },
): boolean =>
  (where.gt === undefined || value > where.gt) &&
  (where.gte === undefined || value >= where.gte) &&
  (where.lt === undefined || value < where.lt) &&
  (where.lte === undefined || value <= where.lte);

/** Pending up to and with the start, active up to and with the end. */
function stateOf({ start, end }: Proposal): string {
  if (NOW > Math.max(end, start + 1)) return 'closed';
  return NOW > start ? 'active' : 'pending';
}

function proposalFits(where: ProposalWhere): (proposal: Proposal) => boolean {
  return (proposal) =>
    (where.space === undefined || low(proposal.space) === low(where.space)) &&
    (where.space_in === undefined || where.space_in.some((id) => low(id) === low(proposal.space))) &&
    (where.author === undefined || low(proposal.author) === where.author) &&
    (where.author_in === undefined || where.author_in.includes(proposal.author)) &&
    (where.title_contains === undefined || low(proposal.title).includes(low(where.title_contains))) &&
    (where.app_not === undefined || proposal.app !== where.app_not) &&
    bounded(proposal.created, {
      gt: where.created_gt,
      gte: where.created_gte,
      lt: where.created_lt,
      lte: where.created_lte,
    }) &&
    (where.flagged === undefined || proposal.flagged === where.flagged) &&
    (where.space_verified !== true || proposal.space === 'Large.eth') &&
    (where.state === undefined || where.state === 'nonsense' || stateOf(proposal) === where.state);
}

describe('lists', () => {
  test.prop(
    [fc.record({ ...page, where: proposalWhere, orderBy: maybe(fc.constantFrom('created', 'start', 'end', 'title')) })],
    { numRuns: 150 },
  )('proposals', async (asked) => {
    const by = (proposal: Proposal): number => {
      if (asked.orderBy === 'start') return proposal.start;
      // What cannot be ordered by is passed over.
      return asked.orderBy === 'end' ? Math.max(proposal.end, proposal.start + 1) : proposal.created;
    };
    expect(await idsOf('proposals', 'ProposalWhere', asked)).toEqual(
      plainly(PROPOSALS, proposalFits(asked.where), by, asked),
    );
  });

  const voteWhere = fc.record({
    proposal: maybe(fc.constantFrom(...PROPOSALS.slice(0, 11).map(({ id }) => id))),
    proposal_in: maybe(fc.subarray(PROPOSALS.slice(0, 12).map(({ id }) => id))),
    voter: maybe(fc.constantFrom(...VOTES.slice(0, 20).map(({ voter }) => voter))),
    voter_in: maybe(fc.subarray(VOTES.slice(0, 90).map(({ voter }) => voter))),
    reason_not: maybe(fc.constantFrom('because', '')),
    vp_gt: maybe(fc.integer({ min: 1, max: 12 })),
    vp_lte: maybe(fc.integer({ min: 1, max: 12 })),
  });

  test.prop([fc.record({ ...page, where: voteWhere, orderBy: maybe(fc.constantFrom('created', 'vp')) })], {
    numRuns: 150,
  })('votes', async (asked) => {
    const { where } = asked;
    const fits = (vote: (typeof VOTES)[number]): boolean =>
      (where.proposal === undefined || vote.proposal === where.proposal) &&
      (where.proposal_in === undefined || where.proposal_in.includes(vote.proposal)) &&
      (where.voter === undefined || vote.voter === where.voter) &&
      (where.voter_in === undefined || where.voter_in.includes(vote.voter)) &&
      (where.reason_not === undefined || vote.reason !== where.reason_not) &&
      bounded(vote.vp, { gt: where.vp_gt, lte: where.vp_lte });
    const by = (vote: (typeof VOTES)[number]): number => (asked.orderBy === 'vp' ? vote.vp : vote.created);
    expect(await idsOf('votes', 'VoteWhere', asked)).toEqual(plainly(VOTES, fits, by, asked));
  });

  test.prop([fc.integer({ min: 1, max: 17 })], { numRuns: 10 })('pages side by side are the whole', async (first) => {
    const whole = await idsOf('proposals', 'ProposalWhere', { first: 1_000, skip: 0, where: {} });
    const pages: string[] = [];
    for (let skip = 0; skip < whole.length; skip += first) {
      pages.push(...(await idsOf('proposals', 'ProposalWhere', { first, skip, where: {} })));
    }
    expect(pages).toEqual(whole);
  });
});
