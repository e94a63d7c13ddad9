/** What Redis keeps of finished runs of three proposals once their jobs are gone, run by run. */
import { keys } from '@quorum/shared/redis-keys';
import { keptBytes, PASSING } from '../load/measures.ts';
import { startStack, until, type Stack } from '../stack.ts';
import { EVERYTHING, openWorld, SURE, WANTED } from './world.ts';

const PROPOSALS = 3;

/**
 * Bytes that stay of each of so many dry runs, one after the other, each in a space of its own: without the texts of proposals, which
 * all runs share, and without what goes by itself within a day (jobs, events, what is shared for minutes).
 */
export async function keptOfRuns(runs: number): Promise<readonly number[]> {
  const [first = '', ...others] = Array.from({ length: runs + 1 }, (_, at) => `kept-${at}.eth`);
  const stack = await startStack({
    world: openWorld({ spaces: [first, ...others], types: ['basic', 'single-choice', 'approval'] }),
    space: first,
    preferences: EVERYTHING,
    env: SURE,
  });
  try {
    await stack.control('POST', 'model', { persona: 'owned', target: WANTED });
    // With the first comes what there is once.
    await dryRun(stack, first);
    let before = await staying(stack);
    const kept: number[] = [];
    for (const space of others) {
      await dryRun(stack, space);
      const now = await staying(stack);
      kept.push(now - before);
      before = now;
    }
    return kept;
  } finally {
    await stack.stop();
  }
}

async function staying({ redis }: Stack): Promise<number> {
  const kept = await keptBytes(redis);
  return [...kept].reduce((sum, [of, bytes]) => (of === 'proposal' || PASSING.includes(of) ? sum : sum + bytes), 0);
}

async function dryRun(stack: Stack, space: string): Promise<void> {
  const { run_id, decisions } = await stack.run({ space_id: space, dry_run: true });
  if (decisions.length !== PROPOSALS) throw new Error(`${decisions.length} proposals were decided, not ${PROPOSALS}`);
  await until('the record to be packed', async () => (await stack.redis.hexists(keys.run(run_id), 'packed')) === 1);
}
