import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { useRedis } from '../test/world.ts';
import { cursorOf, readCursor, readEntries, type Entry } from './newest-first.ts';

const { redis } = useRedis();

/** A set of these scores, and its ids as a whole reading gives them. */
async function aSet(scores: readonly number[]): Promise<{ key: string; ids: string[] }> {
  const key = `test:${randomUUID()}`;
  for (const [at, score] of scores.entries()) await redis().zadd(key, score, `id-${at}`);
  return { key, ids: await redis().zrevrange(key, 0, -1) };
}

/** Reads it page by page, each cursor by way of its text; `between` runs after each page. */
async function readByPages(key: string, limit: number, between = async (_shown: Entry[]) => {}): Promise<string[]> {
  const shown: Entry[] = [];
  let cursor: Entry | null = null;
  for (;;) {
    const { entries, more }: { entries: readonly Entry[]; more: boolean } = await readEntries(redis(), key, {
      cursor,
      limit,
    });
    expect(entries.length).toBeLessThanOrEqual(limit);
    shown.push(...entries);
    const last = entries.at(-1);
    if (!more || last === undefined) return shown.map(({ id }) => id);
    cursor = readCursor(cursorOf(last));
    await between(shown);
  }
}

const anyScores = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 });
const anyLimit = fc.integer({ min: 1, max: 5 });

describe('reading by pages', () => {
  it('gives each entry once, in order, whatever the scores and the length of a page', async () => {
    await fc.assert(
      fc.asyncProperty(anyScores, anyLimit, async (scores, limit) => {
        const { key, ids } = await aSet(scores);
        expect(await readByPages(key, limit)).toEqual(ids);
      }),
      { numRuns: 60 },
    );
  });

  it('is not moved by what comes in meanwhile, nor by what was shown and goes', async () => {
    const { key, ids } = await aSet([1, 2, 3, 4, 5, 6, 7]);
    const read = await readByPages(key, 2, async (shown) => {
      await redis().zadd(key, 100 + shown.length, `new-${shown.length}`);
      await redis().zrem(key, shown.at(-1)?.id ?? '');
    });
    expect(read).toEqual(ids);
  });

  it('begins at the entry of the cursor where it is to come again, and behind it where it is gone', async () => {
    const { key } = await aSet([1, 2, 3]);
    const cursor = { id: 'id-1', score: '2' };
    const from = async () => (await readEntries(redis(), key, { cursor, inclusive: true, limit: 9 })).entries;
    expect((await from()).map(({ id }) => id)).toEqual(['id-1', 'id-0']);
    await redis().zrem(key, 'id-1');
    expect((await from()).map(({ id }) => id)).toEqual(['id-0']);
  });

  it('ends where the last page is full', async () => {
    const { key } = await aSet([1, 2]);
    expect(await readEntries(redis(), key, { cursor: null, limit: 2 })).toMatchObject({ more: false });
    expect(await readEntries(redis(), key, { cursor: null, limit: 1 })).toMatchObject({ more: true });
  });
});

it.each(['', '~', '1', '1~', 'x~id', '1~i d', `1~${'i'.repeat(301)}`, '1~id\n'])('%j is no cursor', (text) => {
  expect(readCursor(text)).toBeNull();
});
