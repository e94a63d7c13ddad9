import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseOptions, readSettings, SettingsError } from './start-settings.ts';

const HUB = 'https://hub.snapshot.org/graphql';
const LIVE = {
  SNAPSHOT_HUB_URL: HUB,
  SNAPSHOT_SEQUENCER_URL: 'https://seq.snapshot.org',
  OPENAI_BASE_URL: 'https://api.openai.com/v1',
};

describe('what npm start shall do', () => {
  test('with nothing set, the sandbox stands in for everything', () => {
    const settings = readSettings({}, '/data');
    expect(settings).toMatchObject({
      owner: 'owner',
      snapshot: { kind: 'sandbox' },
      model: { kind: 'sandbox' },
      gatewayPort: 3000,
    });
  });

  test('an empty value counts as not set', () => {
    expect(readSettings({ SNAPSHOT_HUB_URL: '', PORT: '' }, '/data')).toMatchObject({
      snapshot: { kind: 'sandbox' },
      gatewayPort: 3000,
    });
  });

  test('what was made for the sandbox is never used with a live hub: neither keys nor the Redis in which voting is enabled', () => {
    const sandbox = readSettings({}, '/data').folders;
    const live = readSettings(LIVE, '/data').folders;
    expect(path.dirname(sandbox.secrets)).not.toBe(path.dirname(live.secrets));
    expect(path.dirname(sandbox.redis)).not.toBe(path.dirname(live.redis));
  });

  test('a hub on this machine is not live', () => {
    const local = {
      SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
      SNAPSHOT_SEQUENCER_URL: 'http://localhost:4010',
      OPENAI_BASE_URL: 'http://[::1]:1/v1',
    };
    expect(readSettings(local, '/data')).toMatchObject({ snapshot: { live: false }, model: { live: false } });
    expect(readSettings(LIVE, '/data')).toMatchObject({ snapshot: { live: true }, model: { live: true } });
  });

  test.each([
    ['a hub without its sequencer', { SNAPSHOT_HUB_URL: HUB }, /both/],
    ["a hub with the sandbox's model", { ...LIVE, OPENAI_BASE_URL: '' }, /OPENAI_BASE_URL/],
    ['an URL that is none', { ...LIVE, SNAPSHOT_HUB_URL: 'hub' }, /SNAPSHOT_HUB_URL/],
    ['a Redis that is none', { REDIS_URL: 'http://127.0.0.1' }, /REDIS_URL/],
    ['an owner that is none', { OWNER_ID: 'Me & you' }, /OWNER_ID/],
  ])('refuses %s, and says what to change', (_, env, words) => {
    expect(() => readSettings(env, '/data')).toThrow(SettingsError);
    expect(() => readSettings(env, '/data')).toThrow(words);
  });

  test('reads the command line, and says what it knows when it does not understand', () => {
    expect(parseOptions(['--once', '--json'])).toEqual({ once: true, json: true, verbose: false });
    expect(() => parseOptions(['--twice'])).toThrow(/--once/);
  });
});
