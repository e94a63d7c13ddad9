import { layer } from '@quorum/shared/config-layers';
import { describe, expect, test } from 'vitest';
import { SCHEMAS } from './schemas.ts';
import { serviceEnv, SERVICES, upstreamsOf, type ServiceName } from './services.ts';
import { readSettings } from './start-settings.ts';

/** The settings of a service that `npm start` starts with this environment and this file. */
function started(service: ServiceName, env: Record<string, string>, file: Record<string, string>) {
  const settings = readSettings({ ...file, ...env }, '/data');
  const around = {
    root: '/',
    settings,
    sources: { env, file, path: '/.env' },
    redisUrl: 'redis://:own@127.0.0.1:7000',
    upstreams: upstreamsOf(settings, 'http://127.0.0.1:4010'),
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
});
