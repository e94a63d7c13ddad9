/**
 * The demo world: Harbor Collective, an invented DAO that runs a lending market for small port operators, with a handful of
 * proposals that read like governance. Ids are fresh in every call, windows are relative to `now`.
 */
import { randomBytes } from 'node:crypto';
import type { World } from '../world.ts';
import { DEMO_TEXTS, type DemoText } from './demo-texts.ts';

export const DEMO_SPACE = 'quorum-demo.eth';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const STRATEGIES = [
  {
    name: 'erc20-balance-of',
    network: '1',
    params: { symbol: 'HRBR', decimals: 18, address: '0x7c8d1b4f0e3a5962d0f5b1a9c4e27386f1d2a0b3' },
  },
];
const QUORUM = 250_000;

/** When each one opens and ends, in seconds from `now`, and where its count stands. */
const SCHEDULE: Readonly<Record<DemoText['name'], { opens: number; ends: number; scores: number[]; votes: number }>> = {
  grant: { opens: -2 * DAY, ends: 3 * HOUR, scores: [181_400, 96_250, 12_800], votes: 214 },
  parameter: { opens: -2 * DAY, ends: 5 * HOUR, scores: [141_900, 118_300, 6_100], votes: 173 },
  partnership: { opens: -1 * DAY, ends: 6 * HOUR, scores: [88_700, 84_150, 21_400], votes: 131 },
  mint: { opens: -6 * HOUR, ends: 12 * HOUR, scores: [52_600, 61_900, 900], votes: 58 },
  becas: { opens: -1 * DAY, ends: 28 * HOUR, scores: [74_300, 20_500, 8_900], votes: 92 },
  council: { opens: -1 * DAY, ends: 2 * DAY, scores: [61_200, 58_900, 40_100, 12_700], votes: 104 },
  auditor: { opens: -12 * HOUR, ends: 3 * DAY, scores: [30_400, 27_800, 25_100, 8_300], votes: 66 },
  gauge: { opens: -18 * HOUR, ends: 4 * DAY, scores: [22_000, 19_400, 17_900, 9_600, 4_300], votes: 49 },
  spam: { opens: -3 * HOUR, ends: 20 * HOUR, scores: [10, 0], votes: 2 },
  pending: { opens: 1 * DAY, ends: 5 * DAY, scores: [0, 0, 0], votes: 0 },
  closed: { opens: -9 * DAY, ends: -4 * DAY, scores: [302_500, 41_000, 15_750], votes: 288 },
};

/** `now` in Unix seconds: what the windows are relative to. The clock of the world is the real one. */
export function demoWorld({ now }: { readonly now: number }): World {
  return {
    now: null,
    spaces: [
      {
        id: DEMO_SPACE,
        name: 'Harbor Collective',
        about: 'Stewards of an open lending market for small port operators. An invented DAO for trying Quorum.',
        symbol: 'HRBR',
        strategies: STRATEGIES,
        admins: ['0x5f0c3b1e9a7d42868c2f1d0b6e5a493827160fa1'],
        voting: { delay: 0, period: 5 * DAY, quorum: QUORUM },
        created: now - 900 * DAY,
      },
    ],
    proposals: DEMO_TEXTS.map((text) => proposal(text, now)),
    voting_power: [{ space: DEMO_SPACE, default: true, vp: 100 }],
  };
}

function proposal(text: DemoText, now: number): NonNullable<World['proposals']>[number] {
  const { name, author, type, title, choices, body } = text;
  const { opens, ends, scores, votes } = SCHEDULE[name];
  const start = now + opens;
  return {
    id: `0x${randomBytes(32).toString('hex')}`,
    space: DEMO_SPACE,
    author,
    type,
    title,
    choices: [...choices],
    body: body.trim(),
    discussion: name === 'spam' ? '' : `https://forum.harbor.example/t/${name}`,
    symbol: 'HRBR',
    strategies: STRATEGIES,
    created: Math.min(start, now) - HOUR,
    start,
    end: now + ends,
    quorum: QUORUM,
    scores: [...scores],
    votes,
    flagged: name === 'spam',
    flagCode: name === 'spam' ? 2 : 0,
  };
}
