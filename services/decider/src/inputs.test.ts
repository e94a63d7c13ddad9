import { fc, test as property } from '@fast-check/vitest';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { preferencesWith } from '../test/fixtures.ts';
import { inputsHash, questionInputs, sampleSeed } from './inputs.ts';

const KEY = randomBytes(32);
const SETTINGS = { models: ['small'], samples: 3, maxBodyChars: 1_000 };
const hash = (version = 'v1', content = 'c', preferences = preferencesWith(), settings = SETTINGS) =>
  inputsHash(questionInputs(version, content, preferences, settings));

describe('the hash of the inputs', () => {
  test('is the same for the same inputs', () => {
    expect(hash()).toBe(hash());
  });

  test('differs with every input', () => {
    const hashes = [
      hash(),
      hash('v2'),
      hash('v1', 'd'),
      hash('v1', 'c', preferencesWith({ instructions: 'Spend little.' })),
      hash('v1', 'c', preferencesWith({ voting_strategy: 'aggressive' })),
      hash('v1', 'c', preferencesWith({ confidence_threshold: 0.8 })),
      hash('v1', 'c', preferencesWith({ approval: 'always' })),
      hash('v1', 'c', preferencesWith({ publish_reason: 'none' })),
      hash('v1', 'c', preferencesWith(), { ...SETTINGS, models: ['small', 'large'] }),
      hash('v1', 'c', preferencesWith(), { ...SETTINGS, samples: 5 }),
      hash('v1', 'c', preferencesWith(), { ...SETTINGS, maxBodyChars: 2_000 }),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test('does not differ with what no question depends on', () => {
    expect(hash('v1', 'c', preferencesWith({ max_proposals_per_run: 9 }))).toBe(hash());
  });
});

describe('nonce and order of a sample', () => {
  property.prop([fc.integer({ min: 1, max: 60 }), fc.nat({ max: 50 })])('name every choice once', (choices, sample) => {
    const { order } = sampleSeed('h', sample, choices, KEY);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: choices }, (_, at) => at + 1));
  });

  test('can be made again, and only with the key', () => {
    expect(sampleSeed('h', 1, 9, KEY)).toEqual(sampleSeed('h', 1, 9, KEY));
    expect(sampleSeed('h', 1, 9, KEY).nonce).not.toBe(sampleSeed('h', 1, 9, randomBytes(32)).nonce);
  });

  test('differ from sample to sample and from question to question', () => {
    const nonces = [sampleSeed('h', 0, 3, KEY), sampleSeed('h', 1, 3, KEY), sampleSeed('g', 0, 3, KEY)];
    expect(new Set(nonces.map(({ nonce }) => nonce)).size).toBe(3);
  });

  test('put every choice first about equally often', () => {
    const first = [0, 0, 0];
    for (let sample = 0; sample < 900; sample += 1) {
      const at = (sampleSeed('h', sample, 3, Buffer.alloc(32, 7)).order[0] ?? 0) - 1;
      first[at] = (first[at] ?? 0) + 1;
    }
    for (const count of first) expect(Math.abs(count - 300)).toBeLessThan(60);
  });
});
