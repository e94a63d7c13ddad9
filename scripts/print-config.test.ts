import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = path.join(import.meta.dirname, '..');
const run = promisify(execFile);
const Shown = z.record(z.string(), z.object({ value: z.unknown(), source: z.string() }));

let dir: string;
let file: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-print-'));
  file = path.join(dir, '.env');
  await writeFile(
    file,
    'OPENAI_BASE_URL=https://user:sesame1@model.example/v1\nOPENAI_API_KEY=sesame2\nDECIDER_MODELS=big\nREDIS_URL=redis://:sesame3@127.0.0.1:1\nCONCURENCY=5\n',
  );
});
afterAll(() => rm(dir, { recursive: true }));

function print(args: readonly string[], env: Record<string, string> = {}) {
  const base = { PATH: process.env['PATH'], QUORUM_ENV_FILE: file, QUORUM_DATA_DIR: dir };
  return run(process.execPath, args, { cwd: ROOT, env: { ...base, ...env } });
}

describe('npm run config', () => {
  const SCRIPT = 'scripts/print-config.ts';

  test('shows what npm start would use, where from, and no secret; and warns of a misspelt name', async () => {
    const { stdout, stderr } = await print([SCRIPT, 'decider'], { DECIDER_SAMPLES: '5' });
    expect(Shown.parse(JSON.parse(stdout))).toMatchObject({
      DECIDER_MODELS: { value: ['big'], source: 'file' },
      DECIDER_SAMPLES: { value: 5, source: 'environment' },
      MODEL_TIMEOUT_S: { value: 60, source: 'default' },
      OPENAI_API_KEY: { value: '***', source: 'file' },
      METRICS_PORT: { value: 9102, source: 'npm start' },
      REDIS_URL: { value: 'redis://:***@127.0.0.1:1', source: 'npm start' },
    });
    expect(stdout).not.toContain('sesame');
    expect(stderr).toContain('Did you mean CONCURRENCY?');
  });

  test('shows all services where none is named', async () => {
    const { stdout } = await print([SCRIPT], { QUORUM_ENV_FILE: '' });
    const shown = z.record(z.string(), Shown).parse(JSON.parse(stdout));
    expect(Object.keys(shown)).toEqual(['gateway', 'fetcher', 'decider', 'voter']);
    expect(shown['gateway']?.['ALLOW_ANONYMOUS']).toEqual({ value: true, source: 'npm start' });
  });

  test('says which services there are, and what does not fit', async () => {
    await expect(print([SCRIPT, 'oracle'])).rejects.toMatchObject({ stderr: expect.stringContaining('decider') });
    await expect(print([SCRIPT, 'decider'], { DECIDER_SAMPLES: 'sesame' })).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/DECIDER_SAMPLES(?!.*sesame)/s),
    });
  });
});

describe('--print-config', () => {
  const key = {
    DECIDER_MAC_KEY_FILE: '/none',
    SIGNERS_FILE: '/none',
    VOTER_MAC_KEY_FILE: '/none',
    HOLD_MAC_KEY_FILE: '/none',
    API_KEY_FILE: '/none',
  };
  const upstreams = { SNAPSHOT_HUB_URL: 'http://127.0.0.1:1/graphql', SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:1/' };

  test.each(['gateway', 'fetcher', 'decider', 'voter'])(
    'of %s prints and ends, without opening anything',
    async (name) => {
      const { stdout, stderr } = await print([`services/${name}/src/main.ts`, '--print-config'], {
        ...key,
        ...upstreams,
      });
      const shown = Shown.parse(JSON.parse(stdout));
      expect(shown['REDIS_URL']).toEqual({ value: 'redis://:***@127.0.0.1:1', source: 'file' });
      expect(stdout).not.toContain('sesame');
      expect(stderr).toBe('');
    },
  );
});
