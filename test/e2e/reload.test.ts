import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { SERVICES } from '../../scripts/services.ts';
import { samplesOf, sumsBy, tally } from '../scraped.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld } from './world.ts';

let dir: string;
let envFile: string;
let stack: Stack;

/** As an editor does: a new file, renamed over the old one. */
async function write(...lines: readonly string[]): Promise<void> {
  await writeFile(`${envFile}.new`, `${lines.join('\n')}\n`);
  await rename(`${envFile}.new`, envFile);
}

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-reload-'));
  envFile = path.join(dir, '.env');
  await write('DECIDER_MODELS=careful', 'DECIDER_SAMPLES=1', 'DECIDER_SECOND_READING=never', 'CONCURRENCY=1');
  stack = await startStack({
    world: openWorld({ spaces: ['pinned.eth'], types: ['basic', 'approval', 'basic'] }),
    space: 'pinned.eth',
    preferences: EVERYTHING,
    envFile,
  });
});
afterAll(async () => {
  await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

const Asked = z.object({ model: z.string() });
/** The models that were asked so far, in order. */
const models = (): string[] =>
  stack.sandbox.world.received.flatMap(({ endpoint, body }) => (endpoint === 'model' ? [Asked.parse(body).model] : []));

const logged = (text: string): Promise<true> =>
  until(text, async () => (await stack.logs()).includes(text) || null).then(() => true);

test('a change between two decisions of a run is for the next run; what does not fit is for none', async () => {
  await stack.control('POST', 'faults', { endpoint: 'model', count: 1, latency_ms: 3_000 });
  const { run_id: runId } = await stack.post({ dry_run: true });
  await until('the first decision to be under way', () =>
    stack.redis.hget(keys.run(RunId.parse(runId)), 'settings:decider'),
  );
  await write('DECIDER_MODELS=noisy', 'DECIDER_SAMPLES=1', 'DECIDER_SECOND_READING=never', 'CONCURRENCY=1');
  await logged('"settings":["DECIDER_MODELS"],"msg":"settings changed"');
  expect((await stack.finished(runId)).proposals_analyzed).toBe(3);
  expect(models()).toEqual(['careful', 'careful', 'careful']);

  await write('DECIDER_MODELS=careful', 'DECIDER_SAMPLES=sesame');
  await logged('settings do not fit; the old values stay');
  await stack.run({ dry_run: true });
  expect(models().slice(3)).toEqual(['noisy', 'noisy', 'noisy']);
  expect(await stack.logs()).not.toContain('sesame');
});

const Line = z.object({ level: z.string() });

/** How many lines there are of each level, in the logs of all services. */
async function countsByLevel(): Promise<Readonly<Record<string, number>>> {
  const written = (await stack.logs()).split('\n').filter((line) => line !== '');
  return tally(written.map((line) => Line.parse(JSON.parse(line)).level));
}

/** The levels of what is logged of a run. */
async function levelsOfARun(): Promise<string[]> {
  const before = await countsByLevel();
  await stack.run({ dry_run: true });
  return Object.entries(await countsByLevel()).flatMap(([level, count]) =>
    count > (before[level] ?? 0) ? [level] : [],
  );
}

/** Waits until every service has read the file once more, with this result. */
async function everybodyReads(result: string, cause: () => unknown): Promise<void> {
  const counted = async () =>
    sumsBy(samplesOf(await stack.scrape()), 'quorum_config_reloads_total', ['service', 'result']);
  const before = await counted();
  await cause();
  await until(`every service to have read its settings: ${result}`, async () => {
    const now = await counted();
    return SERVICES.every((service) => (now[`${service}/${result}`] ?? 0) > (before[`${service}/${result}`] ?? 0));
  });
}

test('the level of the log changes while every service runs, and SIGHUP has each read its settings', async () => {
  const usual = ['DECIDER_MODELS=careful', 'DECIDER_SAMPLES=1', 'DECIDER_SECOND_READING=never', 'CONCURRENCY=1'];
  expect(await levelsOfARun()).toContain('info');
  await everybodyReads('applied', () => write(...usual, 'LOG_LEVEL=error'));
  expect(await levelsOfARun()).toEqual([]);
  await everybodyReads('unchanged', () => SERVICES.forEach((service) => stack.sighup(service)));
  await everybodyReads('applied', () => write(...usual));
  expect(await levelsOfARun()).toContain('info');
});
