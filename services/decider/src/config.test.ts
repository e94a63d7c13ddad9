import { parseConfig } from '@quorum/shared/config';
import { expect, test } from 'vitest';
import { DeciderConfig } from './config.ts';

const ENV = {
  OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
  OPENAI_API_KEY: 'key',
  DECIDER_MODELS: 'small, large,small',
  DECIDER_MAC_KEY_FILE: '/keys/decider',
};

test('takes a list of models, each once, and has defaults for the rest', () => {
  const config = parseConfig(DeciderConfig, ENV);
  expect(config.DECIDER_MODELS).toEqual(['small', 'large']);
  expect(config.DECIDER_SAMPLES).toBe(3);
  expect(config.MODEL_TIMEOUT_S).toBe(60);
});

test('reads prices', () => {
  const price = { input_usd_per_million: 1, output_usd_per_million: 4 };
  expect(parseConfig(DeciderConfig, { ...ENV, MODEL_PRICES: JSON.stringify({ small: price }) }).MODEL_PRICES).toEqual({
    small: price,
  });
});

test('reads prices as a line too, whatever names their vendors give', () => {
  const read = (text: string) => parseConfig(DeciderConfig, { ...ENV, MODEL_PRICES: text }).MODEL_PRICES;
  expect(read('small=1/4, vendor/large:free = 0 / 0,odd=name=0.05/1.25')).toEqual({
    small: { input_usd_per_million: 1, output_usd_per_million: 4 },
    'vendor/large:free': { input_usd_per_million: 0, output_usd_per_million: 0 },
    'odd=name': { input_usd_per_million: 0.05, output_usd_per_million: 1.25 },
  });
});

test('caps what a run and a day may cost where nothing is said', () => {
  const {
    BUDGET_USD_PER_RUN: run,
    BUDGET_USD_PER_OWNER_DAY: owner,
    BUDGET_USD_PER_DAY: day,
  } = parseConfig(DeciderConfig, ENV);
  expect(0 < run && run < owner && owner < day).toBe(true);
});

test.each([
  ['DECIDER_MODELS', ' , ,'],
  ['DECIDER_SAMPLES', '0'],
  ['DECIDER_SAMPLES', '16'],
  ['MODEL_PRICES', '{cheap}'],
  ['MODEL_PRICES', '{"small":{"input_usd_per_million":-1,"output_usd_per_million":1}}'],
  ['MODEL_PRICES', 'small'],
  ['MODEL_PRICES', 'small=1'],
  ['MODEL_PRICES', 'small=-1/4'],
  ['MODEL_PRICES', 'small=1/4,,'],
  ['BUDGET_USD_PER_RUN', '-1'],
  ['BUDGET_USD_PER_DAY', 'much'],
  ['OPENAI_BASE_URL', 'file:///etc'],
])('refuses %s=%s by name', (name, value) => {
  expect(() => parseConfig(DeciderConfig, { ...ENV, [name]: value })).toThrow(name);
});
