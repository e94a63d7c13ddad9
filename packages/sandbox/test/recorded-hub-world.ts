/**
 * The world in which the hub's cases were recorded, put together from all that the cases tell: the proposals and votes that any
 * answer showed, and the votes and aliases that the sequencer took. Each case is then asked in the whole of it.
 */
import { z } from 'zod';
import type { World } from '../src/world.ts';
import { RECORDED_CASES, serverOf } from './recorded-cases.ts';
import { RECORDED_AT, recordedWorld } from './recorded-world.ts';

type Proposals = NonNullable<World['proposals']>;
type Votes = (NonNullable<World['votes']>[number] & { readonly proposal: string })[];

/** The relayer of the recording also wrote all the proposals. */
const AUTHOR = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';

const STUB = { name: 'stub', network: '1', params: { vp: 10, symbol: 'VOTE' } };

/** The settings of the space as the hub's REST API gave them out. */
const SPACE = {
  id: 'localdao.eth',
  name: 'Local DAO',
  about: 'loopback test space',
  strategies: [STUB],
  admins: [AUTHOR],
  filters: { minScore: 0, onlyMembers: false },
  voting: {
    delay: 0,
    period: 259_200,
    type: '',
    quorum: 5,
    quorumType: 'default' as const,
    privacy: '',
    hideAbstain: false,
    aliased: true,
  },
  delegationPortal: {
    delegationType: 'delegate-registry',
    delegationContract: '0x469788fE6E9E9681C6ebF3bF78e7Fd26Fc015446',
    delegationApi: 'https://api.thegraph.com/x',
    delegationNetwork: '1',
  },
  categories: ['protocol'],
  treasuries: [],
  labels: [{ id: 'l1', name: 'Ops', description: 'ops', color: '#FF0000' }],
  verified: true,
};

const Rows = z.array(z.looseObject({ id: z.string() }));
const Accepted = z.object({ id: z.string() });
const Sent = z.object({
  address: z.string(),
  data: z.object({
    message: z.object({
      from: z.string(),
      timestamp: z.int(),
      space: z.string(),
      proposal: z.string(),
      choice: z.union([z.number(), z.string(), z.array(z.number())]),
    }),
  }),
});

export type Shown = { readonly field: string; readonly rows: readonly Readonly<Record<string, unknown>>[] };

/** The rows in a hub's answer, by the field that they were under. */
export function rowsIn(body: unknown): Shown[] {
  const data = z.object({ data: z.record(z.string(), z.unknown()) }).safeParse(body).data?.data ?? {};
  return Object.entries(data).flatMap(([field, value]) => {
    const rows = Rows.safeParse([value].flat()).data ?? [];
    const inner = rows.flatMap((row) => Rows.safeParse([row['proposal']]).data ?? []);
    return [
      { field, rows },
      { field: 'proposals', rows: inner },
    ];
  });
}

/** Proposals that the sequencer's cases need, with all that the hub's answers about the end of the recording say of them. */
function proposals(): Proposals {
  const known = new Map<string, Proposals[number]>();
  const add = (row: { readonly id: string }): void => {
    const before = known.get(row.id) ?? { ...DEFAULTS, id: row.id, space: 'localdao.eth', title: 'Test' };
    known.set(row.id, { ...before, ...row });
  };
  for (const proposal of recordedWorld().proposals ?? []) add({ ...DEFAULTS, ...proposal });
  for (const { case: name, response } of RECORDED_CASES) {
    if (!name.startsWith('gql-')) continue;
    for (const { field, rows } of rowsIn(response.body)) {
      if (!['proposal', 'proposals'].includes(field)) continue;
      for (const row of rows) add(asGiven(row));
    }
  }
  return [...known.values()];
}

const DEFAULTS = {
  author: AUTHOR,
  start: 1_795_332_256,
  end: 1_796_545_456,
  strategies: [STUB],
  labels: ['l1'],
  quorum: 5,
  choices: ['For', 'Against', 'Abstain'],
};

/** An answer's row as a world takes it: what was null is left out. */
export function asGiven(row: Readonly<Record<string, unknown>>): { id: string } & Record<string, unknown> {
  const given = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
  return { ...given, id: String(row['id']) };
}

/** The votes that the sequencer took, and those that only an answer shows. */
function votes(): Votes {
  const known = new Map<string, Votes[number]>();
  const add = (vote: Votes[number]): void => {
    // Of one voter on one proposal only the latest is left.
    const slot = `${vote.voter}|${vote.proposal}`.toLowerCase();
    const before = known.get(slot);
    if (!before || before.created <= vote.created) known.set(slot, vote);
  };
  for (const { case: name, request, response } of RECORDED_CASES) {
    if (name.startsWith('read-vote-')) for (const vote of votesIn(response.body)) add(vote);
    const taken = Accepted.safeParse(response.body).data;
    const sent = Sent.safeParse(request.body).data;
    // What was recorded after the hub was asked, in worlds of their own.
    if (!taken || !sent || LATER.test(name)) continue;
    const { from, timestamp, space, proposal, choice } = sent.data.message;
    add({
      id: taken.id,
      voter: from,
      created: timestamp,
      space: space.toLowerCase(),
      proposal,
      choice: typeof choice === 'string' && !choice.startsWith('0x') ? JSON.parse(choice) : choice,
      vp: 10,
      vp_value: VALUED.has(from) ? 15 : 0,
      ...POWERS[taken.id],
    });
  }
  const unseen = shownIds().filter((id) => ![...known.values()].some((vote) => vote.id === id));
  const taken = [...known.values()].filter(({ id }) => id !== REPLACED);
  return [...taken, ...unseen.map(unseenVote)];
}

const FullVote = z.looseObject({
  id: z.string(),
  voter: z.string(),
  created: z.int(),
  choice: z.union([z.number(), z.string(), z.array(z.number()), z.record(z.string(), z.number())]),
  space: z.object({ id: z.string() }),
  proposal: z.object({ id: z.string() }),
});

/** The votes of an answer that tells all of them. */
export function votesIn(body: unknown): Votes {
  const rows = rowsIn(body).flatMap((shown) => (shown.field === 'votes' ? shown.rows : []));
  return rows.flatMap((row) => {
    const vote = FullVote.safeParse(row).data;
    return vote ? [{ ...vote, space: vote.space.id, proposal: vote.proposal.id }] : [];
  });
}

/** By the vote of the same second that is not among the cases. */
const REPLACED = '0xa4b878986e10166944aa6cb3b2998a1e3c45867f5408897051ad82fec592a691';

const LATER = /^(?:finalize|real-score|ratelimit|maintenance)-/;

/** Whose votes had been given a price when the leaderboard was asked for. */
const VALUED = new Set(['0x1271127112711271127112711271127112711271', '0x7Abafe0927234daA501A25eF2Cf66Bf2548E9aa5']);

const POWERS: Readonly<Record<string, Partial<Votes[number]>>> = {
  '0xb8e7f74fb5b158fa3198e585b874421238bd577070509cb551afd6e00f3cc54c': { vp: 3, vp_state: 'pending' },
  '0xfe1f6b5b16539da7752810fe0bdee0ec6bd601c0518c460a9a417079b564287f': {
    vp: 9.75,
    vp_by_strategy: [7.5, 2.25],
    vp_state: 'pending',
  },
};

/** All the votes that there were, the latest first and equal ones by id. */
function shownIds(): string[] {
  const all = RECORDED_CASES.find((one) => one.case === 'gql-limit-first-1000');
  return rowsIn(all?.response.body).flatMap(({ rows }) => rows.map((row) => String(row['id'])));
}

/** When those were cast of whose casting no case is left. */
const UNSEEN: Readonly<Record<string, number>> = {
  '0xcfc234bab967b56e3e06787b904de9a4869a01948d0c936e066e08678ce4f874': 1_795_335_862,
  '0x4c929d30': 1_795_335_861,
  '0x841f8d14': 1_795_335_861,
  '0x50f9ab2a': 1_795_335_858,
  '0x02a3dfef': 1_795_335_857,
  '0x2b63e53d': 1_795_335_857,
  '0xb4d6703e': 1_795_335_857,
  '0xbd341845': 1_795_335_857,
  '0xc5258e30': 1_795_335_788,
};

function unseenVote(id: string, index: number): Votes[number] {
  const created = UNSEEN[id] ?? UNSEEN[id.slice(0, 10)];
  if (created === undefined) throw new Error(`nothing says when the vote ${id} was cast`);
  const voter = `0x${String(index + 1).padStart(40, '0')}`;
  return { id, voter, created, space: 'localdao.eth', proposal: UNSEEN_ON, choice: 1, vp: 10 };
}

const UNSEEN_ON = '0xfbb7b5bf4ca348eeeebf8cc3660712859a5a1fbf18e83217a57ce203fb51d5c2';

/** A world that answers each of the hub's cases but those with a set-up of their own. */
export function recordedHubWorld(): World {
  const answers = RECORDED_CASES.filter((one) => serverOf(one) === 'hub').flatMap(({ response }) =>
    rowsIn(response.body),
  );
  const rows = (field: string): Readonly<Record<string, unknown>>[] =>
    answers.filter((shown) => shown.field === field).flatMap((shown) => shown.rows);
  return {
    ...recordedWorld(),
    now: RECORDED_AT + 1,
    spaces: [SPACE, { ...SPACE, id: 'flagged.eth', flagged: true, hibernated: true, verified: false }],
    proposals: proposals(),
    votes: votes(),
    messages: z.array(Message).parse(rows('messages')),
    strategies: ['stub', 'whitelist', 'ticket', 'delegation'].map((id) => ({ id })),
    options: [{ name: 'space.ecosystem.list', value: 'a.eth' }],
  };
}

const Message = z.object({
  mci: z.int(),
  id: z.string(),
  address: z.string(),
  space: z.string(),
  type: z.string(),
  sig: z.string(),
  ipfs: z.string().default('bafkrei'),
  version: z.string().default('0.1.4'),
  timestamp: z.int().default(RECORDED_AT),
  receipt: z.string().default('0x'),
});
