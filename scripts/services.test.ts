import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DeciderConfig } from '@quorum/decider/config';
import { PERSONAS } from '@quorum/sandbox/model/personas';
import { layer } from '@quorum/shared/config-layers';
import { describe, expect, test } from 'vitest';
import { SCHEMAS } from './schemas.ts';
import { SANDBOX_PRICES, serviceEnv, SERVICES, upstreamsOf, type ServiceName } from './services.ts';
import { readSettings } from './start-settings.ts';

const [SANDBOX_EON, OTHER_EON] = [`0x${'1a'.repeat(128)}`, `0x${'2b'.repeat(128)}`];

/** The settings of a service that `npm start` starts with this environment and this file. */
function started(service: ServiceName, env: Record<string, string>, file: Record<string, string>) {
  const settings = readSettings({ ...file, ...env }, '/data');
  const around = {
    root: '/',
    settings,
    sources: { env, file, path: '/.env' },
    redisUrl: 'redis://:own@127.0.0.1:7000',
    upstreams: upstreamsOf(settings, 'http://127.0.0.1:4010'),
    ...(settings.snapshot.kind === 'sandbox' ? { sandboxEonKey: SANDBOX_EON } : {}),
  };
  const given = serviceEnv(service, around);
  return { given, ...layer(SCHEMAS[service], file, given) };
}

describe('what npm start manages wins over the settings file', () => {
  const file = {
    REDIS_PASSWORD_FILE: '/elsewhere',
    HOST: '0.0.0.0',
    ALLOW_ANONYMOUS: '0',
    API_KEY_FILE: '/elsewhere',
    SIGNERS_FILE: '/elsewhere',
    VOTER_MAC_KEY_FILE: '/elsewhere',
    DECIDER_MAC_KEY_FILE: '/elsewhere',
    PREFERENCES_DIR: '/elsewhere',
    EVIDENCE_ARCHIVE_DIR: '/elsewhere',
    OPENAI_API_KEY: 'a-real-key',
  };
  test.each(SERVICES)('%s', (service) => {
    const { raw } = started(service, {}, file);
    expect(Object.values(raw)).not.toContain('/elsewhere');
    expect(Object.values(raw)).not.toContain('0.0.0.0');
    // Meant for another endpoint: the sandbox's model never sees it.
    expect(Object.values(raw)).not.toContain('a-real-key');
  });

  test('anonymous requests are let in with the sandbox alone, whatever the file says', () => {
    const live = { OPENAI_BASE_URL: 'https://api.openai.com/v1', OPENAI_API_KEY: 'k', ALLOW_ANONYMOUS: '1' };
    expect(started('gateway', {}, live).config).toMatchObject({ ALLOW_ANONYMOUS: false });
    expect(started('gateway', {}, file).config).toMatchObject({ ALLOW_ANONYMOUS: true });
  });
});

describe('the key of secret votes', () => {
  const live = {
    SNAPSHOT_HUB_URL: 'https://hub.snapshot.org/graphql',
    SNAPSHOT_SEQUENCER_URL: 'https://seq.snapshot.org/',
    OPENAI_BASE_URL: 'https://api.openai.com/v1',
    OPENAI_API_KEY: 'sesame',
    DECIDER_MODELS: 'big',
  };
  const signer = {
    VOTER_ADDRESS: '0x52908400098527886E0F7030069857D2E4169EE7',
    SIGNER_KEYSTORE_FILE: '/k',
    SIGNER_PASSPHRASE_FILE: '/p',
    ALLOWED_SPACES: 'a.eth',
  };
  const eonOf = (env: Record<string, string>, file: Record<string, string>): unknown =>
    started('voter', env, file).raw['SHUTTER_EON_PUBLIC_KEY'];

  test('is the sandbox’s own with the sandbox, whatever is set', () => {
    expect(eonOf({}, {})).toBe(SANDBOX_EON);
    expect(eonOf({ SHUTTER_EON_PUBLIC_KEY: OTHER_EON }, { SHUTTER_EON_PUBLIC_KEY: OTHER_EON })).toBe(SANDBOX_EON);
  });

  test('is the operator’s with a live Snapshot, and never the sandbox’s', () => {
    expect(eonOf(signer, live)).toBeUndefined();
    expect(eonOf(signer, { ...live, SHUTTER_EON_PUBLIC_KEY: OTHER_EON })).toBe(OTHER_EON);
    expect(eonOf({ ...signer, SHUTTER_EON_PUBLIC_KEY: OTHER_EON }, live)).toBe(OTHER_EON);
  });

  test('goes to the voter alone', () => {
    const file = { ...live, SHUTTER_EON_PUBLIC_KEY: OTHER_EON };
    for (const service of SERVICES) {
      if (service !== 'voter') expect(Object.values(started(service, signer, file).raw)).not.toContain(OTHER_EON);
    }
  });
});

describe('what the file says', () => {
  const file = {
    OPENAI_BASE_URL: 'https://api.openai.com/v1',
    OPENAI_API_KEY: 'sesame',
    DECIDER_MODELS: 'big',
    LOG_LEVEL: 'debug',
  };
  test('is not handed on by the environment, so that it can change while the services run', () => {
    for (const service of SERVICES) {
      const { given, sources } = started(service, {}, file);
      expect(Object.keys(given)).not.toContain('LOG_LEVEL');
      expect(sources.get('LOG_LEVEL')).toBe('file');
    }
    expect(started('decider', {}, file).sources.get('DECIDER_MODELS')).toBe('file');
  });

  test('of the key of the model reaches the decider alone', () => {
    for (const service of SERVICES) {
      const { raw, given } = started(service, {}, file);
      expect(Object.values(raw).includes('sesame')).toBe(service === 'decider');
      expect(Object.values(given)).not.toContain('sesame');
      const inEnvironment = started(service, { ...file }, {});
      expect(Object.values(inEnvironment.given).includes('sesame')).toBe(service === 'decider');
    }
  });

  test('of the key of the hub reaches those alone who ask the hub', () => {
    const key = { SNAPSHOT_API_KEY: 'hub-sesame' };
    for (const service of SERVICES) {
      const asks = service === 'fetcher' || service === 'voter';
      expect(Object.values(started(service, {}, key).raw).includes('hub-sesame')).toBe(asks);
      expect(Object.values(started(service, key, {}).given).includes('hub-sesame')).toBe(asks);
    }
  });

  test('of models is heard with the sandbox too; where nobody names any, it is the careful one', () => {
    expect(started('decider', {}, { DECIDER_MODELS: 'hasty' })).toMatchObject({
      config: { DECIDER_MODELS: ['hasty'] },
    });
    expect(started('decider', {}, {})).toMatchObject({ config: { DECIDER_MODELS: ['careful'] } });
    expect(started('decider', { DECIDER_MODELS: '' }, { DECIDER_MODELS: 'hasty' })).toMatchObject({
      config: { DECIDER_MODELS: ['careful'] },
    });
  });

  test("of prices is heard with the sandbox too; where nobody names any, they are those of the sandbox's models", () => {
    const priceOf = (model: string, inFile: Record<string, string>): unknown =>
      DeciderConfig.shape.MODEL_PRICES.parse(started('decider', {}, inFile).raw['MODEL_PRICES'])?.[model];
    const some = { input_usd_per_million: expect.any(Number), output_usd_per_million: expect.any(Number) };
    for (const persona of Object.keys(PERSONAS)) expect(priceOf(persona, {})).toEqual(some);
    expect(priceOf('careful', { MODEL_PRICES: 'other=2/8' })).toBeUndefined();
    const given = { OPENAI_BASE_URL: 'https://api.openai.com/v1', OPENAI_API_KEY: 'k', DECIDER_MODELS: 'big' };
    expect(started('decider', {}, given).raw['MODEL_PRICES']).toBeUndefined();
  });

  test('of prices is what compose takes for the sandbox', () => {
    const compose = readFileSync(path.join(import.meta.dirname, '../docker-compose.yml'), 'utf8');
    expect(compose).toContain(`  MODEL_PRICES: \${MODEL_PRICES:-${SANDBOX_PRICES}}\n`);
  });
});
