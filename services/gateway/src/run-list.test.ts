/** The lists of runs and decisions where time is short: pages are shorter, and nothing is missed. */
import { newRunId, type OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { createTransitions } from '@quorum/shared/transitions';
import { SpaceId } from '@quorum/snapshot/proposal';
import { beforeAll, expect, test } from 'vitest';
import { anOwner, aResponse, aVoteDecision } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { createRunList, type RunList } from './run-list.ts';

const { redis } = useRedis();
const RUNS = 120;
const RARE = SpaceId.parse('rare.eth');
let owner: OwnerId;
let list: RunList;

beforeAll(async () => {
  owner = anOwner();
  list = createRunList(redis(), createRecords(redis()));
  const [transitions, atMs] = [createTransitions(redis()), Date.now()];
  for (let at = 0; at < RUNS; at += 1) {
    const [runId, space] = [newRunId(), at === 0 ? RARE : SpaceId.parse(`${newRunId()}.eth`)];
    const nowMs = atMs + at;
    await transitions.accept({ runId, owner, space, dryRun: false, idempotency: null, nowMs });
    const response = aResponse(runId, { space_id: space, decisions: [aVoteDecision()] });
    await transitions.finish({ owner, dryRun: false }, response, nowMs);
  }
});

type Page = { readonly found: number; readonly next: string | null };

/** How much was on each page, from the first to the last. */
async function pages(read: (cursor: string | null) => Promise<Page>): Promise<number[]> {
  const all: number[] = [];
  let cursor: string | null = null;
  do {
    const { found, next }: Page = await read(cursor);
    all.push(found);
    cursor = next;
  } while (cursor !== null);
  return all;
}

test.each([
  ['there is time', 60_000, [1]],
  ['there is none', 0, [0, 0, 1]],
])('what is rare is found on as many pages as it takes where %s', async (_when, withinMs, expected) => {
  const limit = 20;
  const runs = await pages(async (cursor) => {
    const page = await list.runs(owner, { space: RARE }, { cursor, limit, withinMs });
    return { found: page.runs.length, next: page.next };
  });
  const decided = await pages(async (cursor) => {
    const page = await list.decided(owner, { space: RARE }, { cursor, limit, withinMs });
    return { found: page.decided.length, next: page.next };
  });
  expect({ runs, decided }).toEqual({ runs: expected, decided: expected });
});

test('all are found where there is no time, none twice', async () => {
  const paging = { limit: 70, withinMs: 0 };
  const runs = await pages(async (cursor) => {
    const page = await list.runs(owner, {}, { ...paging, cursor });
    return { found: page.runs.length, next: page.next };
  });
  expect(runs).toEqual([50, 50, 20]);
});
