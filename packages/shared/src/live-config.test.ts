import { mkdtempSync, rmSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { listeningLogger } from '../test/samples.ts';
import { aRunningRun, useRedis } from '../test/world.ts';
import { CommonConfig } from './config.ts';
import { ValidationError } from './errors.ts';
import { liveConfig } from './live-config.ts';
import { createMetrics } from './metrics.ts';
import { createRecords, type RunRecord } from './records.ts';
import { reloads, secret } from './settings.ts';

const Settings = z.object({
  PORT: z.coerce.number().int().default(1).describe('fixed'),
  KEY: secret(z.string().optional().describe('fixed and secret')),
  LEVEL: reloads('job', z.enum(['low', 'high']).default('low').describe('each job')),
  MODELS: reloads('run', z.string().default('one').describe('each run')),
  SAMPLES: reloads('run', z.coerce.number().int().max(9).default(3).describe('each run')),
});

const dir = mkdtempSync(join(tmpdir(), 'quorum-live-'));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;

/** A file with these lines, and the configuration that was read from it. */
function opened(lines: readonly string[], env: Record<string, string> = {}) {
  files += 1;
  const file = join(dir, `settings-${files}`);
  const write = (...now: string[]): void => writeFileSync(file, now.join('\n'));
  write(...lines);
  return { file, write, config: liveConfig('decider', Settings, { env, file }) };
}

describe('what no log line may show', () => {
  it('is each secret as it is written, and each value in a list of them', () => {
    const env = { OTEL_EXPORTER_OTLP_HEADERS: 'x-team=sesame%20open, x-other=hunter2' };
    expect(liveConfig('voter', CommonConfig, { env, file: null }).secrets()).toEqual(
      expect.arrayContaining([env.OTEL_EXPORTER_OTLP_HEADERS, 'sesame open', 'hunter2']),
    );
    expect(opened(['PORT=7']).config.secrets()).toEqual([]);
    expect(opened(['KEY=sesame', 'MODELS=two']).config.secrets()).toEqual(expect.arrayContaining(['sesame']));
    expect(opened(['KEY=sesame', 'MODELS=two']).config.secrets()).not.toContain('two');
  });
});

describe('a value', () => {
  it('is the default, unless the file, unless the environment says another', () => {
    const { config } = opened(['LEVEL=high', 'SAMPLES=4', 'PORT=7'], { SAMPLES: '5' });
    expect(config.show()).toEqual({
      PORT: { value: 7, source: 'file' },
      KEY: { value: null, source: 'default' },
      LEVEL: { value: 'high', source: 'file' },
      MODELS: { value: 'one', source: 'default' },
      SAMPLES: { value: 5, source: 'environment' },
    });
  });

  it('that the environment holds empty is the default, whatever the file says', () => {
    const { config } = opened(['SAMPLES=4'], { SAMPLES: '' });
    expect(config.show()['SAMPLES']).toEqual({ value: 3, source: 'default' });
  });

  it.each([
    ['a byte order mark', '\uFEFFSAMPLES=4'],
    ['quotes and a comment', 'SAMPLES="4" # four'],
    ['export', 'export SAMPLES=4'],
    ['Windows line ends', 'LEVEL=low\r\nSAMPLES=4\r\n'],
  ])('in a file with %s is read', (_what, text) => {
    expect(opened([text]).config.show()['SAMPLES']).toEqual({ value: 4, source: 'file' });
  });

  it.each([
    ['no =', 'SAMPLES 4', 'is not NAME=value'],
    ['no name', '=4', 'is not NAME=value'],
    ['two names', 'MORE SAMPLES=4', 'is not NAME=value'],
    ['a colon', 'SAMPLES: 4', 'is not NAME=value'],
    // Taken for a value over several lines, it would swallow the setting between.
    ['a quote that another line closes', 'KEY="4', 'has a quote that is not closed at the end of the line'],
    ['a quote within its quotes', 'KEY="{"4": 1}"', 'has a quote that is not closed at the end of the line'],
    ['a # where no comment begins', 'KEY=sesame#4', 'has a # in its value'],
  ])(
    'in a file with a line with %s is not guessed: the line is named, and not what stands there',
    (_what, line, why) => {
      const lines = ['# ours', line, 'SAMPLES=4', 'MODELS="two"'];
      let error: unknown;
      try {
        opened(lines);
      } catch (thrown) {
        error = thrown;
      }
      if (!(error instanceof ValidationError)) throw new Error('it was taken');
      expect(error.issues).toEqual([{ path: 'line 2', message: expect.stringContaining(why) }]);
      expect(error.message).toMatch(/settings-\d+ does not fit[^]*line 2: /);
      expect(error.message).not.toMatch(/sesame|4": 1/);

      const { config, write } = opened(['SAMPLES=9']);
      write(...lines);
      expect(config.reload()).toMatchObject({ kind: 'invalid', error: { issues: [{ path: 'line 2' }] } });
      expect(config.show()['SAMPLES']).toEqual({ value: 9, source: 'file' });
    },
  );

  it('is not kept where it belongs to another service', () => {
    const { config } = opened(['OTHER_SERVICES_KEY=sesame']);
    expect(JSON.stringify([config.show(), config.fixed, config.now()])).not.toContain('sesame');
  });

  it('of a file that cannot be read is not guessed', () => {
    expect(() => liveConfig('decider', Settings, { env: {}, file: dir })).toThrow(ValidationError);
  });

  it('that may change cannot be named by code that is built at the start', () => {
    const { config } = opened([]);
    // @ts-expect-error LEVEL is each job's
    expect(config.fixed.LEVEL).toBe('low');
    // @ts-expect-error MODELS is each run's
    expect(config.now().MODELS).toBe('one');
    // @ts-expect-error a secret would be written into the record of a run
    expect(reloads('run', secret(z.string()))).toBeDefined();
  });
});

describe('what is shown', () => {
  it('holds no secret, and no password of a URL', () => {
    const Urls = z.object({
      KEY: secret(z.string().describe('k')),
      REDIS: z.string().describe('r'),
      MODEL: z.string().describe('m'),
      LIST: z
        .string()
        .transform((text) => text.split(','))
        .describe('l'),
    });
    const env = {
      KEY: 'sesame1',
      REDIS: 'redis://quorum:sesame2@redis:6379/0',
      MODEL: 'https://model/v1?api-key=sesame3&v=sesame4',
      LIST: 'plain,https://sesame5@host/',
    };
    const shown = JSON.stringify(liveConfig('decider', Urls, { env, file: null }).show());
    expect(shown).not.toContain('sesame');
    expect(shown).toContain('redis:6379/0');
    expect(shown).toContain('plain');
  });
});

describe('a reload', () => {
  it('takes what may change, in one step, and says what needs a restart', () => {
    const { config, write } = opened(['LEVEL=low']);
    const before = config.now();
    write('LEVEL=high', 'SAMPLES=5', 'PORT=9');
    expect(config.reload()).toEqual({
      kind: 'valid',
      applied: ['LEVEL', 'SAMPLES'],
      needRestart: ['PORT'],
      overruled: [],
    });
    expect(config.now().LEVEL).toBe('high');
    expect(before.LEVEL).toBe('low');
    expect(config.fixed.PORT).toBe(1);
    expect(config.show()).toMatchObject({ PORT: { value: 1, source: 'default' }, LEVEL: { source: 'file' } });
  });

  it('gives the default back where a line is taken out', () => {
    const { config, write } = opened(['LEVEL=high']);
    write('# nothing');
    expect(config.reload()).toMatchObject({ applied: ['LEVEL'] });
    expect(config.now().LEVEL).toBe('low');
  });

  it('that finds a file emptied, as one is that an editor has not written yet, changes nothing', () => {
    const { config, write } = opened(['LEVEL=high']);
    write('');
    expect(config.reload()).toMatchObject({ kind: 'invalid', error: { message: expect.stringContaining('is empty') } });
    expect(config.now().LEVEL).toBe('high');
    write('LEVEL=low');
    expect(config.reload()).toMatchObject({ applied: ['LEVEL'] });
  });

  it('that finds anything wrong changes nothing and names the setting, not the value', () => {
    const { config, write } = opened(['LEVEL=low']);
    const before = config.show();
    write('LEVEL=high', 'SAMPLES=sesame', 'PORT=sesame');
    const result = config.reload();
    if (result.kind !== 'invalid') throw new Error('it was taken');
    expect(result.error.issues.map(({ path }) => path)).toEqual(['PORT', 'SAMPLES']);
    expect(result.error.message).not.toContain('sesame');
    expect(config.show()).toEqual(before);
  });

  it('that finds no file any more changes nothing', () => {
    const { config, file } = opened(['LEVEL=high']);
    rmSync(file);
    expect(config.reload()).toMatchObject({ kind: 'invalid' });
    expect(config.now().LEVEL).toBe('high');
  });

  it('that finds a file where there was none takes it', () => {
    const file = join(dir, 'later');
    const config = liveConfig('decider', Settings, { env: {}, file });
    writeFileSync(file, 'LEVEL=high');
    expect(config.reload()).toMatchObject({ applied: ['LEVEL'] });
  });

  it('leaves to the environment what the environment sets, and says so', () => {
    const { config, write } = opened([], { LEVEL: 'low' });
    write('LEVEL=high');
    expect(config.reload()).toEqual({ kind: 'valid', applied: [], needRestart: [], overruled: ['LEVEL'] });
    expect(config.now().LEVEL).toBe('low');
  });
});

describe('a service that keeps its settings fresh', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
    expect(process.listenerCount('SIGHUP')).toBe(0);
  });

  function watched(lines: readonly string[], env: Record<string, string> = {}) {
    const one = opened(lines, env);
    const { log, lines: events } = listeningLogger();
    const metrics = createMetrics('test');
    let applied = 0;
    open.push(one.config.keepFresh({ log, metrics, onApplied: () => (applied += 1) }));
    const counted = async (): Promise<Record<string, number>> => {
      const { values } = await metrics.configReloads.get();
      const risen = values.filter(({ value }) => value > 0);
      return Object.fromEntries(risen.map(({ labels, value }) => [String(labels['result']), value]));
    };
    return { ...one, events, counted, applied: () => applied };
  }

  it('follows a file that is written anew', async () => {
    const { config, write, counted, applied } = watched(['LEVEL=low']);
    write('LEVEL=high');
    await expect.poll(() => config.now().LEVEL).toBe('high');
    expect(applied()).toBe(1);
    expect(await counted()).toEqual({ applied: 1 });
  });

  it('follows a file that an editor renamed over the old one', async () => {
    const { config, file } = watched(['LEVEL=low']);
    writeFileSync(`${file}.new`, 'LEVEL=high');
    renameSync(`${file}.new`, file);
    await expect.poll(() => config.now().LEVEL).toBe('high');
    writeFileSync(`${file}.new`, 'LEVEL=low');
    renameSync(`${file}.new`, file);
    await expect.poll(() => config.now().LEVEL).toBe('low');
  });

  it('keeps the old values of a file that does not fit, logs the setting and counts', async () => {
    const { config, write, counted, events, applied } = watched(['LEVEL=high']);
    write('LEVEL=sesame');
    await expect.poll(counted).toEqual({ invalid: 1 });
    expect(config.now().LEVEL).toBe('high');
    expect(events).toContainEqual(expect.objectContaining({ level: 50, settings: ['LEVEL'] }));
    expect(JSON.stringify(events)).not.toContain('sesame');
    expect(applied()).toBe(0);
  });

  it('says of what cannot change that it needs a restart', async () => {
    const { write, counted, events } = watched([]);
    write('PORT=8');
    await expect.poll(counted).toEqual({ needs_restart: 1 });
    expect(events).toContainEqual(
      expect.objectContaining({ settings: ['PORT'], msg: 'settings need a restart; the old values stay' }),
    );
  });

  it('reads at SIGHUP too, and answers even if nothing changed', async () => {
    const { counted } = watched(['LEVEL=low']);
    process.kill(process.pid, 'SIGHUP');
    await expect.poll(counted).toEqual({ unchanged: 1 });
  });
});

describe('a run', () => {
  const { redis } = useRedis();

  it('keeps what its first job found, over a reload between two of its jobs; the next run takes the new', async () => {
    const records = createRecords(redis());
    const { config, write } = opened(['MODELS=one', 'LEVEL=low']);
    const read = async (runId: RunRecord['runId']): Promise<RunRecord> => {
      const run = await records.run(runId);
      if (run === null) throw new Error('no run');
      return run;
    };
    const { runId } = await aRunningRun(redis());
    expect(await config.forRun(await read(runId), records)).toMatchObject({ MODELS: 'one', SAMPLES: 3 });

    write('MODELS=two', 'SAMPLES=5', 'LEVEL=high');
    config.reload();
    const second = await read(runId);
    expect(await config.forRun(second, { pinSettings: noRoundTrip })).toMatchObject({ MODELS: 'one', SAMPLES: 3 });
    expect(config.now().LEVEL).toBe('high');

    const next = await aRunningRun(redis());
    expect(await config.forRun(await read(next.runId), records)).toMatchObject({ MODELS: 'two', SAMPLES: 5 });
  });

  it('that is read to be decided on keeps in that step what there is, and what is read then costs no more', async () => {
    const records = createRecords(redis());
    const { config, write } = opened(['MODELS=one']);
    const { runId, proposal } = await aRunningRun(redis());
    const read = async () => {
      const run = await records.runForDecision(runId, proposal, { service: 'decider', settings: config.toKeep() });
      if (run === null) throw new Error('no run');
      return run;
    };
    expect(await config.forRun(await read(), { pinSettings: noRoundTrip })).toMatchObject({ MODELS: 'one' });
    write('MODELS=two');
    config.reload();
    expect(await config.forRun(await read(), { pinSettings: noRoundTrip })).toMatchObject({ MODELS: 'one' });
  });

  it('whose first jobs come at once, one before and one after a reload, has one version', async () => {
    const records = createRecords(redis());
    const { config, write } = opened(['MODELS=one']);
    const { runId } = await aRunningRun(redis());
    const run = await records.run(runId);
    if (run === null) throw new Error('no run');
    const first = config.forRun(run, records);
    write('MODELS=two');
    config.reload();
    const second = config.forRun(run, records);
    expect((await first).MODELS).toBe('one');
    expect((await second).MODELS).toBe('one');
  });

  it('whose kept settings do not fit is an error, never a guess', async () => {
    const { config } = opened([]);
    const { runId } = await aRunningRun(redis());
    const run = { runId, settings: new Map([['decider', { SAMPLES: 'many' }]]) };
    await expect(config.forRun(run, { pinSettings: noRoundTrip })).rejects.toMatchObject({ category: 'internal' });
  });

  it('takes from its record nothing but what a run keeps', async () => {
    const { config } = opened([]);
    const { runId } = await aRunningRun(redis());
    const run = { runId, settings: new Map([['decider', { PORT: '666', LEVEL: 'high', MODELS: 'two' }]]) };
    const kept = await config.forRun(run, { pinSettings: noRoundTrip });
    expect(kept).toMatchObject({ PORT: 1, LEVEL: 'low', MODELS: 'two' });
  });
});

/** For a job that finds the settings in the record that it has read anyway. */
async function noRoundTrip(): Promise<never> {
  throw new Error('asked Redis');
}
