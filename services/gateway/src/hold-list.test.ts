/** The list of holds by pages: in its order, each once, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import type { Hold, HoldState } from '@quorum/shared/hold';
import type { OwnerId } from '@quorum/shared/ids';
import { createRecords } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aHold, MINUTE_MS, type HoldCase } from '../../../packages/shared/test/holds.ts';
import { anOwner } from '../../../packages/shared/test/samples.ts';
import { useRedis } from '../../../packages/shared/test/world.ts';
import { createHoldList } from './hold-list.ts';

const { redis } = useRedis();
const NOW_MS = Date.now();
const KEY = randomBytes(32);

/** minute: its deadline, from now; before 0 it has expired. Many share one, as all owners of a proposal do. */
const anyHold = fc.record({ minute: fc.integer({ min: -2, max: 3 }), isRejected: fc.boolean() });
type Made = { readonly minute: number; readonly isRejected: boolean };

async function make(owner: OwnerId, { minute, isRejected }: Made): Promise<HoldCase> {
  const deadline = NOW_MS + minute * MINUTE_MS + 1;
  const hold = await aHold(redis(), { owner, nowMs: deadline - MINUTE_MS, subject: { deadline } });
  if (isRejected) await reject(hold);
  return hold;
}

async function reject(one: HoldCase): Promise<void> {
  const { owner, run_id, space_id, proposal_id, content_hash, hold_id, deadline } = one.subject;
  const about = { owner, run_id, space_id, proposal_id, content_hash, hold_id, answered_at: deadline - 1 };
  const sealed = sealAnswer({ ...about, answer: 'reject', ballot: null, ballot_from: 'decision', by: 'test' }, KEY);
  await one.transitions.answerHold(await one.read(), { kind: 'answer', sealed }, deadline - 1);
}

const idOf = ({ subject }: Pick<Hold, 'subject'>): string => subject.hold_id;

type Asked = { readonly limit: number; readonly state?: HoldState | null; readonly withinMs?: number };

/** Reads all pages; `between` is told what was shown so far. */
async function readAll(
  owner: OwnerId | null,
  { limit, state = null, withinMs = 60_000 }: Asked,
  between: (shown: readonly string[]) => Promise<void> = async () => undefined,
): Promise<string[]> {
  const list = createHoldList(redis(), createRecords(redis()));
  const shown: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof list>> = await list(owner, state, { cursor, limit, nowMs: NOW_MS, withinMs });
    expect(page.odd).toEqual([]);
    expect(page.holds.length).toBeLessThanOrEqual(limit);
    shown.push(...page.holds.map(idOf));
    cursor = page.next;
    if (cursor !== null) await between(shown);
  } while (cursor !== null);
  return shown;
}

/** What the list has to give, by the words of its description. */
function inOrder(holds: readonly HoldCase[], made: readonly Made[]): string[] {
  const all = holds.map(({ subject: { hold_id: id, deadline } }, at) => {
    const { minute, isRejected } = made[at] ?? { minute: 0, isRejected: false };
    return { id, deadline, waits: !isRejected && minute >= 0 };
  });
  const rising = all.toSorted((a, b) => a.deadline - b.deadline || (a.id < b.id ? -1 : 1));
  return [...rising.filter(({ waits }) => waits), ...rising.filter(({ waits }) => !waits).toReversed()].map(
    ({ id }) => id,
  );
}

const someHolds = fc.array(anyHold, { maxLength: 9 });
const anyLimit = fc.integer({ min: 1, max: 4 });

test('gives what waits, the first deadline first, then the others, the last deadline first, each once', async () => {
  await fc.assert(
    fc.asyncProperty(someHolds, anyLimit, async (made, limit) => {
      const owner = anOwner();
      const holds = await Promise.all(made.map((one) => make(owner, one)));
      expect(await readAll(owner, { limit })).toEqual(inOrder(holds, made));
    }),
    { numRuns: 20 },
  );
});

test('gives each that nothing happens to once, in order, whatever comes in, is answered or goes', async () => {
  await fc.assert(
    fc.asyncProperty(
      someHolds,
      fc.array(fc.tuple(anyHold, fc.nat()), { maxLength: 5 }),
      anyLimit,
      async (made, steps, limit) => {
        const owner = anOwner();
        const holds = await Promise.all(made.map((one) => make(owner, one)));
        const touched = new Set<string>();
        const left = [...steps];
        const shown = await readAll(owner, { limit }, async () => {
          const [comes, which] = left.shift() ?? [];
          if (comes === undefined || which === undefined) return;
          touched.add(idOf(await make(owner, comes)));
          const one = holds[which % holds.length];
          if (one === undefined) return;
          touched.add(idOf(one));
          if (which % 2 === 0) await reject(one);
          else await redis().zrem(keys.holdsOf(owner), idOf(one));
        });
        const untouched = (ids: readonly string[]): string[] => ids.filter((id) => !touched.has(id));
        expect(untouched(shown)).toEqual(untouched(inOrder(holds, made)));
      },
    ),
    { numRuns: 20 },
  );
});

test('goes on within as many as share a deadline, though they are more than it reads at once', async () => {
  const owner = anOwner();
  const made = Array.from({ length: 120 }, (_, at) => ({ minute: 1, isRejected: at % 2 === 0 }));
  const holds = [];
  for (const one of made) holds.push(await make(owner, one));
  expect(await readAll(owner, { limit: 7 })).toEqual(inOrder(holds, made));
});

test.each([
  ['there is time', 60_000],
  ['there is none', 0],
])('finds what is in a rare state where %s, and nothing else', async (_when, withinMs) => {
  const owner = anOwner();
  const rare = await make(owner, { minute: -2, isRejected: true });
  for (let at = 0; at < 60; at += 1) await make(owner, { minute: 1, isRejected: false });
  expect(await readAll(owner, { limit: 5, state: 'rejected', withinMs })).toEqual([idOf(rare)]);
});

test('tells of one that cannot be read, and gives the others', async () => {
  const owner = anOwner();
  const [good, bad] = [
    await make(owner, { minute: 1, isRejected: false }),
    await make(owner, { minute: 2, isRejected: false }),
  ];
  await redis().hset(keys.hold(bad.subject.hold_id), 'subject', '{}');
  await redis().zadd(keys.holdsOf(owner), bad.subject.deadline, 'no id');
  const list = createHoldList(redis(), createRecords(redis()));
  const page = await list(owner, null, { cursor: null, limit: 9, nowMs: NOW_MS, withinMs: 60_000 });
  expect([page.holds.map(idOf), page.odd.toSorted(), page.next]).toEqual([
    [idOf(good)],
    [idOf(bad), 'no id'].toSorted(),
    null,
  ]);
});
