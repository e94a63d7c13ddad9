/** What had to be so before a recorded case of the hub was asked: the common world, or what its own moment was like. */
import { z } from 'zod';
import type { World } from '../src/world.ts';
import type { RecordedCase } from './recorded-cases.ts';
import { asGiven, rowsIn, votesIn } from './recorded-hub-world.ts';

export type SetUp = {
  readonly world: World;
  /** Requests that came first. */
  readonly before?: readonly { readonly path: string; readonly init: RequestInit }[];
};

const QUERY = {
  method: 'POST',
  body: JSON.stringify({ query: '{ networks { id } }' }),
};

/** A hub that is asked so often that the next one from this address is the last, or one too many. */
function askedFrom(address: string, times: number): NonNullable<SetUp['before']> {
  const headers = { 'content-type': 'application/json', 'x-real-ip': address };
  return Array.from({ length: times }, () => ({ path: '/graphql', init: { ...QUERY, headers } }));
}

const KEY = { monthly_limit: 2_000_000, reset: 1_798_761_600 };
const LIMITED: Partial<World> = {
  limits: { hub_per_minute: 100 },
  api_keys: [
    { key: 'goodkey', used: 5, ...KEY },
    { key: 'exhaustedkey', used: 2_000_000, ...KEY },
  ],
};

const REAL_DAO: Partial<World> = {
  spaces: [{ id: 'realdao.eth', name: 'Real DAO', strategies: [{ name: 'ticket', params: { value: 3 } }] }],
  proposals: [],
  votes: [],
  voting_power: [{ space: 'realdao.eth', default: true, vp: 3, pending: true }],
  validations: [],
};

/** A proposal of the part of the recording in which two votes were brought to their end. */
const FINALIZED = {
  space: 'localdao.eth',
  title: 'Test finalize',
  type: 'ranked-choice' as const,
  choices: ['Alpha', 'Beta', 'Gamma'],
  start: 1_795_335_000,
  end: 1_795_335_600,
};

const REAL_PROPOSAL = '0x3f11e123bd0fabbfa88eb26069a4aa56a0e37150851d1be3c363290db39a03f8';
const LONG_SIGNED = '0x85169ac845a275e7417b17ec8a99bf1e89af28732eeab783a445c2ec0026eeb1';

type Change = Partial<World> & { readonly before?: SetUp['before'] };

const CHANGES: Readonly<Record<string, Change>> = {
  'ratelimit-hub-first': LIMITED,
  'apikey-hub-invalid': LIMITED,
  'apikey-hub-good-while-ip-limited': { ...LIMITED, before: askedFrom('10.9.0.2', 101) },
  'apikey-hub-query-parameter': {
    ...LIMITED,
    api_keys: [{ key: 'goodkey', used: 6, ...KEY }],
  },
  'apikey-hub-exhausted-falls-back-to-ip-limit': LIMITED,
  'apikey-hub-exhausted-and-ip-limited': { ...LIMITED, before: askedFrom('10.9.0.2', 101) },
  'real-score-read-vote': {
    ...REAL_DAO,
    proposals: [{ ...FINALIZED, id: REAL_PROPOSAL, space: 'realdao.eth' }],
    votes: [
      {
        id: '0xa64c496d4b7124a98133289b446b5f24bd7eb469fa42741d1a80d438772f0936',
        voter: '0xc952193e0B66E87506f8b8aD79584457b4D24395',
        created: 1_795_336_292,
        space: 'realdao.eth',
        proposal: REAL_PROPOSAL,
        choice: 2,
        vp: 3,
      },
    ],
  },
  // The vote was written although the answer was a 500.
  'read-vote-after-signature-over-3000-chars': {
    proposals: [{ ...FINALIZED, id: LONG_SIGNED }],
    votes: [
      {
        id: '0x0d724b52f3c8bc6d0eb4cc6474e095dc3b37e91670570d0efb7559b897c32cdc',
        voter: '0x1271127112711271127112711271127112711271',
        created: 1_795_335_400,
        space: 'localdao.eth',
        proposal: LONG_SIGNED,
        choice: 1,
      },
    ],
    voting_power: [],
    validations: [],
  },
  'real-score-vp-space': REAL_DAO,
  'real-score-vp-bad-voter': REAL_DAO,
};

/** `common` is the recorded world, made once for all. */
export function setUpFor(recorded: RecordedCase, common: World): SetUp {
  const { before, ...change } = CHANGES[recorded.case] ?? atItsMoment(recorded, common);
  return { world: { ...common, ...change }, ...(before ? { before } : {}) };
}

/** Readings between two votes: the rows of the answer as they were then, among all others. */
function atItsMoment({ case: name, response }: RecordedCase, common: World): Change {
  if (!/^(?:read|finalize|gql-aliases)/.test(name)) return {};
  const shown = (fields: readonly string[]): { id: string }[] =>
    rowsIn(response.body).flatMap(({ field, rows }) => (fields.includes(field) ? rows.map(asGiven) : []));
  const proposals = shown(['proposal', 'proposals']).map((row) => ({
    ...(common.proposals?.find(({ id }) => id === row.id) ?? FINALIZED),
    ...row,
  }));
  return {
    proposals: [...(common.proposals ?? []), ...proposals],
    votes: [...(common.votes ?? []), ...votesIn(response.body)],
    aliases: [...(common.aliases ?? []), ...z.array(Alias).parse(shown(['aliases']))],
  };
}

const Alias = z.object({
  id: z.string(),
  ipfs: z.string().nullable().default(null),
  address: z.string(),
  alias: z.string(),
  created: z.int(),
});
