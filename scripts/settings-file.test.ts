import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { merged, readSources, tellOfChanges, unheardSettings } from './settings-file.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-env-'));
  await writeFile(path.join(dir, '.env'), 'LOG_LEVEL=debug\nPORT=3001\nOWNER_ID=ada\n');
  await writeFile(path.join(dir, 'other'), 'LOG_LEVEL=warn\n');
});
afterAll(() => rm(dir, { recursive: true }));

describe('the settings file', () => {
  test('is `.env`; the environment goes before it, even where it holds a name empty', () => {
    const sources = readSources({ PORT: '3002', OWNER_ID: '' }, dir);
    expect(sources.path).toBe(path.join(dir, '.env'));
    expect(merged(sources)).toEqual({ LOG_LEVEL: 'debug', PORT: '3002', OWNER_ID: '' });
  });

  test('is the one that QUORUM_ENV_FILE names, or none', () => {
    expect(readSources({ QUORUM_ENV_FILE: 'other' }, dir).file).toEqual({ LOG_LEVEL: 'warn' });
    expect(readSources({ QUORUM_ENV_FILE: '' }, dir)).toMatchObject({ file: {}, path: null });
  });

  test('need not be there yet, and must be readable', () => {
    expect(readSources({ QUORUM_ENV_FILE: 'none' }, dir)).toMatchObject({ file: {}, path: path.join(dir, 'none') });
    expect(() => readSources({ QUORUM_ENV_FILE: '.' }, dir)).toThrow(/cannot be read/);
  });
});

describe('a name that nothing reads', () => {
  test.each([
    ['LOG_LEVLE', 'LOG_LEVEL'],
    ['DECIDER_MODEL', 'DECIDER_MODELS'],
    ['max_retry_attempts', 'MAX_RETRY_ATTEMPTS'],
    ['RETRY_DELAY_SECS', 'RETRY_DELAY_SECONDS'],
  ])('%s is told with %s', (wrong, right) => {
    expect(unheardSettings({ [wrong]: 'sesame' })).toEqual([
      `The settings file sets ${wrong}, which nothing reads. Did you mean ${right}?`,
    ]);
  });

  test('is told without a guess where none is near', () => {
    expect(unheardSettings({ UNRELATED_THING: '1' })).toEqual([
      'The settings file sets UNRELATED_THING, which nothing reads.',
    ]);
  });

  test('is none of ours, nor what compose reads', () => {
    expect(unheardSettings({ PORT: '1', COMPOSE_PROJECT_NAME: 'q', MODEL_PRICES: '{}' })).toEqual([]);
    // Every name that docker-compose.yml itself fills in.
    const compose = readFileSync(path.join(import.meta.dirname, '../docker-compose.yml'), 'utf8');
    const filledIn = [...compose.matchAll(/\$\{([A-Z_]+)/g)].flatMap(([, name]) => name ?? []);
    expect(filledIn).toContain('GRAFANA_PORT');
    expect(unheardSettings(Object.fromEntries(filledIn.map((name) => [name, '1'])))).toEqual([]);
  });
});

test('a name that npm start and compose set themselves is told too', () => {
  expect(unheardSettings({ HOST: '0.0.0.0', SIGNERS_FILE: 'x', REDIS_PASSWORD_FILE: 'x' })).toEqual([
    'The settings file sets HOST, which npm start and compose set themselves.',
    'The settings file sets SIGNERS_FILE, which npm start and compose set themselves.',
  ]);
});

test('while it runs, what changed is told by name, and a name that is misspelt only then, once', async () => {
  const file = path.join(dir, 'changing');
  await writeFile(file, 'LOG_LEVEL=info\nDECIDER_SAMPLES=5\nPORT=1\nOLD_SLIP=1\n');
  const said: string[] = [];
  const telling = tellOfChanges(readSources({ QUORUM_ENV_FILE: 'changing', PORT: '2' }, dir), (line) =>
    said.push(line),
  );
  try {
    await writeFile(file, 'LOG_LEVEL=info\nDECIDER_SAMPELS=sesame\nPORT=3\nOLD_SLIP=1\n');
    await expect
      .poll(() => said)
      .toEqual([
        '  changing was changed: DECIDER_SAMPLES',
        '! The settings file sets DECIDER_SAMPELS, which nothing reads. Did you mean DECIDER_SAMPLES?',
      ]);
    // What does not fit the services tell, and a file that is gone.
    await writeFile(file, 'LOG_LEVEL debug\n');
    await rm(file);
    await writeFile(file, 'LOG_LEVEL=debug\nDECIDER_SAMPELS=sesame\nPORT=3\nOLD_SLIP=1\n');
    await expect.poll(() => said.slice(2)).toEqual(['  changing was changed: LOG_LEVEL']);
  } finally {
    telling.close();
  }
});
