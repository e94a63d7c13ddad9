import { parseConfig } from '@quorum/shared/config';
import { describe, expect, test } from 'vitest';
import { GatewayConfig } from './config.ts';

const SANDBOX = {
  SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
  SNAPSHOT_SEQUENCER_URL: 'http://localhost:4010/',
  OPENAI_BASE_URL: 'http://sandbox:4010/v1',
};

describe('the configuration of the gateway', () => {
  test('needs a key file and nothing else', () => {
    expect(parseConfig(GatewayConfig, { API_KEY_FILE: '/run/key' })).toMatchObject({
      PORT: 3000,
      HOST: '127.0.0.1',
      OWNER_ID: 'owner',
      ALLOW_ANONYMOUS: false,
      ALLOWED_HOSTS: ['localhost', '127.0.0.1', '[::1]', 'gateway'],
      ENQUEUE_TIMEOUT_MS: 800,
      MAX_RETRY_ATTEMPTS: 3,
      RETRY_DELAY_SECONDS: 5,
    });
  });

  test('refuses a gateway that nobody could use', () => {
    expect(() => parseConfig(GatewayConfig, SANDBOX)).toThrow(/API_KEY_FILE: or GATEWAY_MAC_KEY_FILE must be set/);
    expect(parseConfig(GatewayConfig, { GATEWAY_MAC_KEY_FILE: '/run/mac' }).API_KEY_FILE).toBeUndefined();
  });

  test('lets requests without a key in where no upstream is live', () => {
    expect(parseConfig(GatewayConfig, { ...SANDBOX, ALLOW_ANONYMOUS: '1' }).ALLOW_ANONYMOUS).toBe(true);
  });

  test.each([
    ['SNAPSHOT_HUB_URL', 'https://hub.snapshot.org/graphql'],
    ['SNAPSHOT_SEQUENCER_URL', 'https://seq.snapshot.org/'],
    ['OPENAI_BASE_URL', 'https://api.openai.com/v1'],
    ['OPENAI_BASE_URL', 'http://192.168.0.7:11434/v1'],
  ])('refuses them while %s is %s', (name, url) => {
    const env = { ...SANDBOX, [name]: url, ALLOW_ANONYMOUS: '1', API_KEY_FILE: '/run/key' };
    expect(() => parseConfig(GatewayConfig, env)).toThrow(`ALLOW_ANONYMOUS: must not be 1: ${name} is live`);
    expect(parseConfig(GatewayConfig, { ...env, ALLOW_ANONYMOUS: '0' }).ALLOW_ANONYMOUS).toBe(false);
  });

  test.each(Object.keys(SANDBOX))('refuses them while it does not know %s', (name) => {
    const env = { ...SANDBOX, [name]: '', ALLOW_ANONYMOUS: '1' };
    expect(() => parseConfig(GatewayConfig, env)).toThrow(`ALLOW_ANONYMOUS: must not be 1: ${name} is not set`);
  });

  test('names an upstream that is no URL, and nothing else', () => {
    const env = { ...SANDBOX, OPENAI_BASE_URL: 'Infinity', ALLOW_ANONYMOUS: '1' };
    expect(() => parseConfig(GatewayConfig, env)).toThrow(/OPENAI_BASE_URL: /);
    expect(() => parseConfig(GatewayConfig, env)).not.toThrow(/ALLOW_ANONYMOUS/);
  });

  test('reads the list of hosts', () => {
    const { ALLOWED_HOSTS } = parseConfig(GatewayConfig, {
      API_KEY_FILE: '/run/key',
      ALLOWED_HOSTS: 'Quorum.lan, localhost',
    });
    expect(ALLOWED_HOSTS).toEqual(['quorum.lan', 'localhost']);
  });
});
