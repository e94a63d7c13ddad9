/** What each recorded case of the sequencer needs to be so: the clock, the world, and what had happened before. */
import type { Fault } from '../src/faults.ts';
import type { World } from '../src/world.ts';
import { RECORDED_AT, recordedWorld } from './recorded-world.ts';

export type Setup = {
  /** Absent: when most cases were recorded. */
  readonly now?: number;
  /** In the place of the recorded world's lists of the same name. */
  readonly world?: Partial<World>;
  /** Beside the recorded world's. */
  readonly proposals?: NonNullable<World['proposals']>;
  readonly faults?: readonly (Partial<Fault> & Pick<Fault, 'endpoint'>)[];
  /** Cases whose requests had been sent before, in this order. */
  readonly before?: readonly string[];
};

const DAY = 24 * 60 * 60;
/** When the two proposals of the `finalize` cases ended. */
const FINALIZED_AT = 1_795_336_097;
const SINGLE = '0x4e33b192ebea7f3bfc26ae1f3bb5bcde7ec014645730496d1c92b161f88b4377';
const CHANGED = { voter: '0xD1712C24Dc225bB4EBDE3fdA75A9DCaE22e7B8A3', space: 'localdao.eth', choice: 3 };

const local = { space: 'localdao.eth', title: 'Test', choices: ['For', 'Against', 'Abstain'], start: 1_795_332_256 };
const end = FINALIZED_AT;
const ranked = {
  ...local,
  id: '0x6f9a48800d2f3095e8a310a4317e009a5dc222e11c45b34ec8d5544feebb8277',
  type: 'ranked-choice' as const,
  end,
};
const encrypted = {
  ...local,
  id: '0xd8c3b4362338df0d7ea8a4ea96d0cd3ef079449d4bccebfbfdcbb4de32c8c59c',
  type: 'single-choice' as const,
  privacy: 'shutter' as const,
  end,
};
const ofContract = {
  ...local,
  id: '0x85169ac845a275e7417b17ec8a99bf1e89af28732eeab783a445c2ec0026eeb1',
  end: 1_796_545_456,
};

const contract: Setup = {
  world: { contract_wallets: [{ address: '0x1271127112711271127112711271127112711271', approves: 'all' }] },
  proposals: [ofContract],
};

const TICKET = '0x3f11e123bd0fabbfa88eb26069a4aa56a0e37150851d1be3c363290db39a03f8';
const DENIED = '0x2488d976c49ce357ab8edcf1d32785c587843204c47f56e89ebb5061a4d3def6';
const WHITELIST = '0x5736b7d43a1f98b0decd74fca713288a67e091d410988fea9eb0c413335fd4e2';
const real: Setup = {
  now: 1_795_336_292,
  world: {
    spaces: [{ id: 'realdao.eth' }],
    proposals: [TICKET, DENIED, WHITELIST].map((id) => ({ ...local, id, space: 'realdao.eth', end: 1_796_545_456 })),
    aliases: [],
    validations: [{ proposal: DENIED, allow: false }],
    voting_power: [
      { space: 'realdao.eth', default: true, vp: 3 },
      { proposal: WHITELIST, default: true, vp: 0 },
    ],
  },
};

export const SETUPS: Readonly<Record<string, Setup>> = {
  // 300 s before and 6 days after the message, respectively, to the second or so that the recording took.
  'vote-timestamp-future-299s': { now: 1_795_335_858 },
  'vote-timestamp-future-310s': { now: 1_795_335_858 },
  'vote-timestamp-past-6d-10s': { now: 1_795_335_858 },

  'vote-change-3-earlier-timestamp': {
    world: { votes: [{ ...CHANGED, id: '0x1', proposal: SINGLE, created: 1_795_335_768 }] },
  },
  'alias-set': { world: { aliases: [] } },
  'alias-vote-without-alias': { world: { aliases: [] } },
  'alias-vote-expired-31-days': {
    world: { aliases: (recordedWorld().aliases ?? []).map((alias) => ({ ...alias, created: RECORDED_AT - 31 * DAY })) },
  },

  'vote-eip1271-contract-valid': contract,
  'vote-eip1271-contract-empty-signature': contract,
  'vote-eip1271-signature-over-3000-chars': contract,
  'vote-eip1271-signature-over-3000-chars-retry': { ...contract, before: ['vote-eip1271-signature-over-3000-chars'] },

  'flagged-ip': { world: { flagged_ips: ['10.66.0.1'] } },
  'pinning-failure': { faults: [{ endpoint: 'sequencer', count: 1, fails: 'pinning' }] },
  'maintenance-same-body-again': {
    faults: [{ endpoint: 'sequencer', count: 1, fails: 'maintenance' }],
    before: ['maintenance-same-body-again'],
  },
  'ratelimit-sequencer-first': { world: { limits: { sequencer_per_minute: 100 } } },
  'ratelimit-sequencer-get-429': {
    world: { limits: { sequencer_per_minute: 100 } },
    before: Array.from({ length: 100 }, () => 'ratelimit-sequencer-get-429'),
  },

  'finalize-ranked-vote-1': { proposals: [ranked] },
  'finalize-ranked-vote-2': { proposals: [ranked] },
  'finalize-shutter-vote-1': { proposals: [encrypted] },
  'finalize-shutter-vote-2-garbage': { proposals: [encrypted] },
  'finalize-shutter-get-scores-before-key': { now: FINALIZED_AT + 1, proposals: [encrypted] },
  'finalize-vote-backdated-after-end': { now: FINALIZED_AT + 1, proposals: [ranked] },
  'finalize-vote-just-after-end': { now: 1_795_336_103, proposals: [ranked] },

  'real-score-vote-ticket-basic-validation': real,
  'real-score-basic-validation-denied': real,
  'real-score-whitelist-no-power': real,
};
