import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  CommonConfig,
  HubConfig,
  isLive,
  OwnerConfig,
  parseConfig,
  PreferencesConfig,
  redisUrl,
  retryShape,
  WorkerConfig,
} from './config.ts';
import { ValidationError } from './errors.ts';

/** What parsing refuses with. */
function refusal(parse: () => unknown): ValidationError {
  try {
    parse();
  } catch (error) {
    if (error instanceof ValidationError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the settings of the seed', () => {
  it('have its names and defaults', () => {
    const set = parseConfig(
      WorkerConfig.extend({ ...HubConfig.shape, ...PreferencesConfig.shape, ...retryShape('run') }),
      {
        SNAPSHOT_HUB_URL: 'http://127.0.0.1:4000/graphql',
      },
    );
    expect(set).toMatchObject({
      MAX_PROPOSALS_PER_RUN: 3,
      DEFAULT_CONFIDENCE_THRESHOLD: 0.7,
      PROPOSAL_FETCH_TIMEOUT: 30,
      MAX_RETRY_ATTEMPTS: 3,
      RETRY_DELAY_SECONDS: 5,
    });
  });
});

describe('the environment', () => {
  it('that says nothing gives the defaults', () => {
    expect(parseConfig(CommonConfig, {})).toEqual({
      REDIS_URL: 'redis://127.0.0.1:6379',
      LOG_LEVEL: 'info',
      HOST: '127.0.0.1',
      HEARTBEAT_S: 2,
      SHUTDOWN_TIMEOUT_S: 20,
    });
    expect(parseConfig(OwnerConfig, {})).toEqual({ OWNER_ID: 'owner' });
  });

  it('with an empty variable says nothing about it', () => {
    const empty = { REDIS_URL: '', REDIS_PASSWORD_FILE: '', LOG_LEVEL: '', SHUTDOWN_TIMEOUT_S: '', OTHER: undefined };
    expect(parseConfig(CommonConfig, empty)).toEqual(parseConfig(CommonConfig, {}));
  });

  it('that is wrong is refused with the name of every setting, and the value of none', () => {
    const wrong = {
      REDIS_URL: 'http://user:hunter2@redis',
      LOG_LEVEL: 'hunter2',
      SHUTDOWN_TIMEOUT_S: 'hunter2',
      CONCURRENCY: '0',
      METRICS_PORT: '70000',
      MAX_RETRY_ATTEMPTS: '1.5',
      RETRY_DELAY_SECONDS: '-1',
    };
    const error = refusal(() => parseConfig(WorkerConfig.extend(retryShape('run')), wrong));
    for (const name of Object.keys(wrong)) expect(error.message).toContain(name);
    expect(error.message).not.toContain('hunter2');
    expect(error.issues.map(({ path }) => path).toSorted()).toEqual(Object.keys(wrong).toSorted());
    expect(JSON.stringify(error.issues)).not.toContain('hunter2');
  });

  it.for([{}, { PREFERENCES_STORE: 'file' }, { PREFERENCES_STORE: 'redis' }])('keeps preferences by %j', (env) => {
    expect(parseConfig(PreferencesConfig, env).PREFERENCES_STORE).toBe(env.PREFERENCES_STORE ?? 'file');
  });

  it('that misses what is needed is told what', () => {
    expect(refusal(() => parseConfig(HubConfig, { SNAPSHOT_HUB_URL: '' })).message).toContain('SNAPSHOT_HUB_URL');
  });

  it.for([{ OWNER_ID: 'Me' }, { OWNER_ID: 'a:b' }, { OWNER_ID: 'x'.repeat(65) }])('cannot name the owner %j', (env) => {
    expect(refusal(() => parseConfig(OwnerConfig, env)).issues[0]?.path).toBe('OWNER_ID');
  });
});

describe('the URL of Redis', () => {
  const dir = mkdtempSync(join(tmpdir(), 'quorum-config-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('is as given where there is no password file', () => {
    expect(redisUrl({ REDIS_URL: 'redis://h:1' })).toBe('redis://h:1');
  });

  it('carries the password of the file, whatever is in it', () => {
    const path = join(dir, 'password');
    writeFileSync(path, 'p@ss:w/rd#?%\n', { mode: 0o600 });
    const url = new URL(redisUrl({ REDIS_URL: 'redis://redis:6379', REDIS_PASSWORD_FILE: path }));
    expect(url.host).toBe('redis:6379');
    expect(decodeURIComponent(url.password)).toBe('p@ss:w/rd#?%');
  });
});

describe('an upstream is live unless it is plainly local', () => {
  it.for([
    ['http://localhost:4000', false],
    ['http://LOCALHOST', false],
    ['http://127.0.0.1:4000/graphql', false],
    ['http://127.1.2.3', false],
    ['http://127.1', false],
    ['http://[::1]:4000', false],
    ['http://sandbox:4000', false],
    ['https://hub.snapshot.org/graphql', true],
    ['https://testnet.hub.snapshot.org', true],
    ['http://localhost.example.org', true],
    ['http://127.0.0.1.example.org', true],
    ['http://sandbox.example.org', true],
    ['http://mysandbox', true],
    ['http://localhost@hub.snapshot.org', true],
    ['http://0.0.0.0', true],
    ['http://10.0.0.1', true],
    ['http://128.0.0.1', true],
    ['http://[::ffff:808:808]', true],
  ] as const)('%s: %s', ([url, live]) => {
    expect(isLive(url)).toBe(live);
  });
});
