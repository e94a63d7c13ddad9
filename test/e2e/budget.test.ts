/** What decisions may cost, through the whole product: nobody is asked beyond it, its owner is told, and nothing is asked twice. */
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

let dir: string;
let envFile: string;
let stack: Stack;

async function write(...lines: readonly string[]): Promise<void> {
  await writeFile(`${envFile}.new`, `${lines.join('\n')}\n`);
  await rename(`${envFile}.new`, envFile);
}

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'quorum-budget-'));
  envFile = path.join(dir, '.env');
  await write('BUDGET_USD_PER_DAY=0');
  const world = openWorld({ spaces: ['thrifty.eth'], types: ['basic'] });
  stack = await startStack({ world, space: 'thrifty.eth', preferences: EVERYTHING, env: SURE, envFile });
  await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
});
afterAll(async () => {
  await stack.stop();
  await rm(dir, { recursive: true, force: true });
});

/** How often a model was asked so far. */
const asked = (): number => stack.sandbox.world.received.filter(({ endpoint }) => endpoint === 'model').length;

test('without a budget nobody is asked and the owner is told; with one a vote is cast, and the same is never asked twice', async () => {
  const refused = await stack.run();
  expect(refused).toMatchObject({
    status: 'completed',
    decisions: [],
    votes_cast: [],
    usage: { calls: 0, cost_usd: 0 },
  });
  expect(refused.errors).toEqual([
    expect.stringMatching(
      /^No vote on "Proposal 1 of thrifty\.eth": there is no budget to decide it \(BUDGET_USD_PER_DAY is \$0\.00 for all owners and a day: .*00:00 UTC\)\.$/,
    ),
  ]);
  expect(Date.parse(refused.next_check_time ?? '')).toBeGreaterThan(Date.now());
  expect(asked()).toBe(0);

  await write('BUDGET_USD_PER_DAY=1');
  await until('the new cap', async () => (await stack.logs()).includes('"settings":["BUDGET_USD_PER_DAY"]'));
  const tried = await stack.run({ dry_run: true });
  // Three samples, a reader and a judge.
  expect(tried).toMatchObject({ proposals_analyzed: 1, errors: [], usage: { calls: 5 } });
  expect(tried.usage.cost_usd).toBeGreaterThan(0);

  const cast = await stack.run();
  expect(cast).toMatchObject({ proposals_analyzed: 1, errors: [], usage: { calls: 0, cost_usd: 0 } });
  expect(cast.votes_cast).toMatchObject([{ choice: 2, outcome: { kind: 'cast' } }]);
  expect(asked()).toBe(5);

  const folder = path.join(stack.secrets, '../evidence');
  const files = await Promise.all((await readdir(folder)).map((file) => readFile(path.join(folder, file), 'utf8')));
  for (const { evidence_hash: hash } of [...tried.decisions, ...cast.decisions]) expect(files.join('')).toContain(hash);
});
