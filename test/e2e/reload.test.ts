import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RunId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
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
  await write('DECIDER_MODELS=careful', 'DECIDER_SAMPLES=1', 'CONCURRENCY=1');
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
  await write('DECIDER_MODELS=noisy', 'DECIDER_SAMPLES=1', 'CONCURRENCY=1');
  await logged('"settings":["DECIDER_MODELS"],"msg":"settings changed"');
  expect((await stack.finished(runId)).proposals_analyzed).toBe(3);
  expect(models()).toEqual(['careful', 'careful', 'careful']);

  await write('DECIDER_MODELS=careful', 'DECIDER_SAMPLES=sesame');
  await logged('settings do not fit; the old values stay');
  await stack.run({ dry_run: true });
  expect(models().slice(3)).toEqual(['noisy', 'noisy', 'noisy']);
  expect(await stack.logs()).not.toContain('sesame');
});
