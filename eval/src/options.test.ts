import { describe, expect, it } from 'vitest';
import { readOptions, USAGE, UsageError } from './options.ts';

describe('the command line of npm run eval', () => {
  it('may be empty', () => {
    expect(readOptions([], {})).toMatchObject({
      json: false,
      model: [],
      attacker: false,
      queries: 200,
      detectors: 'on',
      samples: 3,
      seed: 1,
    });
  });

  it('takes a model more than once, each of them once', () => {
    const args = ['--model', 'careful', '--model', 'owned', '--model', 'careful'];
    expect(readOptions(args, {}).model).toEqual(['careful', 'owned']);
  });

  it('takes the endpoint from the environment, or from an option that wins', () => {
    const env = { OPENAI_BASE_URL: 'https://a.example/v1', OPENAI_API_KEY: 'key' };
    expect(readOptions([], env)).toMatchObject({ url: 'https://a.example/v1', apiKey: 'key' });
    expect(readOptions(['--url', 'https://b.example/v1'], env).url).toBe('https://b.example/v1');
    expect(readOptions([], { OPENAI_BASE_URL: '' }).url).toBeUndefined();
  });

  it('takes prices as the decider does', () => {
    const price = { input_usd_per_million: 2, output_usd_per_million: 8 };
    expect(readOptions([], { MODEL_PRICES: JSON.stringify({ m: price }) }).prices).toEqual({ m: price });
    expect(readOptions([], {}).prices).toEqual({});
  });

  it.for([
    [['--modle', 'x'], /--modle/],
    [['--queries', '0'], /queries/],
    [['--queries', 'many'], /queries/],
    [['--detectors', 'maybe'], /detectors/],
    [['--url', 'ftp://x.example'], /url/],
    [['stray'], /stray/],
    [['--seed'], /seed/],
  ] as const)('refuses %j', ([args, words]) => {
    expect(() => readOptions(args, {})).toThrow(UsageError);
    expect(() => readOptions(args, {})).toThrow(words);
  });

  it('refuses prices that are none', () => {
    expect(() => readOptions([], { MODEL_PRICES: '{"m": 2}' })).toThrow(/MODEL_PRICES/);
  });

  it('is described, option by option', () => {
    const described = [...USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name);
    expect(new Set(described)).toEqual(new Set(Object.keys(readOptions(ALL, {})).filter(isOption)));
    expect(new Set(described).size).toBe(described.length);
  });
});

const ALL =
  '--json --attacker --model m --url https://a.example --queries 5 --detectors off --proposals x --limit 5 --samples 1 --at-once 2 --seed 2 --svg x.svg'.split(
    ' ',
  );

/** What is read from the environment alone, and what asks for the description itself. */
function isOption(name: string): boolean {
  return !['apiKey', 'prices', 'help'].includes(name);
}
