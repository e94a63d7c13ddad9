/** What the doctor finds at hub, sequencer and model, and at what they are asked with. */
import { describe } from 'vitest';
import { SPACE, type Case, nowS, nowhere, testCases, useDoctorStand } from '../../test/doctor-stand.ts';

const stand = useDoctorStand();
const OF_HUB = ['clock', 'alias of owner', 'roles of owner', `owner in ${SPACE}`];

const cases: readonly Case[] = [
  {
    state: 'the hub down',
    env: async () => ({ SNAPSHOT_HUB_URL: await nowhere() }),
    level: 'broken',
    check: 'hub',
    says: /cannot be reached/,
    remedy: /npm start/,
    also: OF_HUB,
  },
  {
    state: 'a bad key of the hub',
    env: () => ({ SNAPSHOT_API_KEY: 'bad' }),
    level: 'broken',
    check: 'hub',
    says: /refuses the key of SNAPSHOT_API_KEY \(HTTP 401\)/,
    remedy: /Mend SNAPSHOT_API_KEY/,
    also: OF_HUB.slice(1),
  },
  {
    state: 'a hub that is none',
    env: () => ({ SNAPSHOT_HUB_URL: `${stand.sandbox.url}/v1/models` }),
    level: 'broken',
    check: 'hub',
    says: /does not answer as a hub does/,
    remedy: /SNAPSHOT_HUB_URL/,
    also: OF_HUB.slice(1),
  },
  {
    state: 'a clock that is 90 s ahead',
    make: () => stand.control('POST', 'clock', { now: nowS() - 90 }),
    mend: () => stand.control('POST', 'clock', { now: null }),
    level: 'broken',
    check: 'clock',
    says: /(8[89]|9\d) s ahead of the hub/,
    remedy: /NTP/,
  },
  {
    state: 'a clock that is 90 s behind',
    make: () => stand.control('POST', 'clock', { now: nowS() + 100 }),
    mend: () => stand.control('POST', 'clock', { now: null }),
    level: 'broken',
    check: 'clock',
    says: /(8\d|9\d|100) s behind the hub/,
    remedy: /NTP/,
  },
  {
    state: 'a clock that is 30 s ahead',
    make: () => stand.control('POST', 'clock', { now: nowS() - 30 }),
    mend: () => stand.control('POST', 'clock', { now: null }),
    level: 'warning',
    check: 'clock',
    says: /ahead of the hub/,
    remedy: /NTP/,
  },
  {
    state: 'the sequencer down',
    env: async () => ({ SNAPSHOT_SEQUENCER_URL: await nowhere() }),
    level: 'broken',
    check: 'sequencer',
    says: /cannot be reached/,
    remedy: /SNAPSHOT_SEQUENCER_URL/,
  },
  {
    state: 'the hub in the place of the sequencer',
    env: () => ({ SNAPSHOT_SEQUENCER_URL: `${stand.sandbox.url}/graphql` }),
    level: 'broken',
    check: 'sequencer',
    says: /does not answer as a sequencer does/,
    remedy: /SNAPSHOT_SEQUENCER_URL/,
  },
  {
    state: 'the model down',
    env: async () => ({ OPENAI_BASE_URL: await nowhere() }),
    level: 'broken',
    check: 'model',
    says: /cannot be reached/,
    remedy: /OPENAI_BASE_URL/,
  },
  {
    state: 'a bad key of the model',
    make: () =>
      stand.control('POST', 'faults', {
        endpoint: 'model',
        count: 1,
        status: 401,
        body: { error: { message: 'Incorrect API key provided: a-key-of-the-model' } },
      }),
    level: 'broken',
    check: 'model',
    says: /refuses the key of OPENAI_API_KEY/,
    remedy: /Mend OPENAI_API_KEY/,
  },
  {
    state: 'an unknown model',
    env: () => ({ DECIDER_MODELS: 'careful,gpt-9' }),
    level: 'broken',
    check: 'model',
    says: /knows no model gpt-9/,
    remedy: /DECIDER_MODELS.*careful/,
    also: ['prices'],
  },
  {
    state: 'an unknown model that would stand in for another',
    env: () => ({ DECIDER_FALLBACK_MODELS: 'gpt-9' }),
    level: 'broken',
    check: 'model',
    says: /knows no model gpt-9/,
    remedy: /DECIDER_FALLBACK_MODELS.*careful/,
    also: ['prices'],
  },
  {
    state: 'a model without a price',
    env: () => ({ MODEL_PRICES: 'noisy=0.1/0.4' }),
    level: 'broken',
    check: 'prices',
    says: /no price is known for careful: every proposal is skipped/,
    remedy: /MODEL_PRICES=careful=2\/8/,
  },
  {
    state: 'a model without a price that stands in for another',
    env: () => ({ DECIDER_FALLBACK_MODELS: 'noisy' }),
    level: 'broken',
    check: 'prices',
    says: /no price is known for noisy/,
    remedy: /MODEL_PRICES=noisy=2\/8/,
  },
  {
    state: 'a model without a list',
    env: () => ({ OPENAI_BASE_URL: `${stand.sandbox.url}/nothing` }),
    level: 'warning',
    check: 'model',
    says: /does not list its models/,
    remedy: /OPENAI_BASE_URL/,
  },
];

describe('names the fault and the remedy', () => {
  testCases(stand, cases);
});
