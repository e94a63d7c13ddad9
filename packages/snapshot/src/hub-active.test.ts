import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { allActive, answerOf, data, hubAt, idNumber, row } from '../test/hub-answers.ts';
import { playBack, type PlayBack, variablesOf } from '../test/play-back.ts';
import { SpaceId } from './proposal.ts';

const space = SpaceId.parse('localdao.eth');

// Read once: thousands of rows are made from it.
const recordedRow = row();

const PageVariables = z.object({ first: z.number(), skip: z.number(), createdLte: z.number(), space: z.string() });

/** A hub that pages as the real one does: newest first, `created_lte`, `skip` and `first` honoured. */
async function pagingHub(rows: Record<string, unknown>[]): Promise<PlayBack> {
  const created = (entry: Record<string, unknown>): number => Number(entry['created']);
  const sorted = rows.toSorted((a, b) => created(b) - created(a));
  return playBack((request) => {
    const { first, skip, createdLte } = variablesOf(request, PageVariables);
    if (skip > 5_000 || first > 1_000) return answerOf('gql-limit-proposal-in-101');
    return data({ proposals: sorted.filter((entry) => created(entry) <= createdLte).slice(skip, skip + first) });
  });
}

describe('the active proposals', () => {
  it('are all there, each once, over pages whose borders fall within one second', async () => {
    // Seven to a second, so that the 1,000th and the 1,001st were created together.
    const rows = Array.from({ length: 2_345 }, (_, n) => ({
      ...recordedRow,
      id: idNumber(n),
      created: 1_795_000_000 + Math.floor(n / 7),
    }));
    await using server = await pagingHub(rows);
    const { proposals, odd } = await allActive(hubAt(server), space);
    expect(odd).toEqual([]);
    expect(proposals.map(({ id }) => String(id)).toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
    expect(server.received).toHaveLength(3);
  });

  it('are all there where there are ten thousand of them, hundreds to a second, and no more than a page at a time', async () => {
    const rows = Array.from({ length: 10_000 }, (_, n) => ({
      ...recordedRow,
      id: idNumber(n),
      created: 1_795_000_000 + Math.floor(n / 300),
    }));
    await using server = await pagingHub(rows);
    const seen: string[] = [];
    for await (const { proposals, odd } of hubAt(server).activeProposals(space)) {
      expect(odd).toEqual([]);
      expect(proposals.length).toBeLessThanOrEqual(1_000);
      seen.push(...proposals.map(({ id }) => id));
    }
    expect(seen.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
  });

  it('are all there even where one second fills more than a page', async () => {
    const rows = Array.from({ length: 2_600 }, (_, n) => ({
      ...recordedRow,
      id: idNumber(n),
      created: 1_795_000_000 + (n < 2_300 ? 0 : n),
    }));
    await using server = await pagingHub(rows);
    const { proposals } = await allActive(hubAt(server), space);
    expect(new Set(proposals.map(({ id }) => id)).size).toBe(2_600);
    expect(proposals).toHaveLength(2_600);
  });

  it('are an error, never a shorter list, where they cannot be read to the end', async () => {
    const page = Array.from({ length: 1_000 }, (_, n) => ({ ...recordedRow, id: idNumber(n), created: 1_795_000_000 }));
    await using server = await playBack(() => data({ proposals: page }));
    await expect(allActive(hubAt(server), space)).rejects.toMatchObject({ kind: 'malformed' });
  });

  it('are active by their own word, since the hub ignores a filter that it does not know', async () => {
    const rows = [
      row({ id: idNumber(1), state: 'closed' }),
      row({ id: idNumber(2), state: 'pending' }),
      row({ id: idNumber(3), state: 'active' }),
    ];
    await using server = await playBack(() => data({ proposals: rows }));
    const { proposals, odd } = await allActive(hubAt(server), space);
    expect(proposals.map(({ id }) => id)).toEqual([idNumber(3)]);
    expect(odd).toEqual([]);
  });

  it('leave out what is odd, and name it', async () => {
    // As text: JSON.stringify would run out of stack on just this value.
    const deep = `${'{"deep":'.repeat(5_000)}{}${'}'.repeat(5_000)}`;
    const rows = [
      row({ id: idNumber(1), type: 'coin-toss' }),
      row({ id: idNumber(2), choices: ['For', null] }),
      row({ id: idNumber(3), space: { id: 'other.eth' } }),
      row({ id: idNumber(4), title: 'half an emoji \ud83d' }),
      row({ id: idNumber(5), plugins: 'DEEP' }),
      row({ id: 'bad id\u001b[2J', author: null }),
      null,
      row({ id: idNumber(6) }),
    ];
    const body = JSON.stringify({ data: { proposals: rows } }).replace('"DEEP"', deep);
    await using server = await playBack(() => ({ status: 200, body }));
    const { proposals, odd } = await allActive(hubAt(server), space);
    expect(proposals.map(({ id }) => id)).toEqual([idNumber(6)]);
    expect(odd).toEqual([
      { id: idNumber(1), why: expect.stringMatching(/^type: /) },
      { id: idNumber(2), why: expect.stringMatching(/^choices\.1: /) },
      { id: idNumber(3), why: 'belongs to another space' },
      { id: idNumber(4), why: 'holds text that is not well-formed Unicode' },
      { id: idNumber(5), why: 'is nested too deeply' },
      { id: 'bad id [2J', why: expect.stringContaining('is not a proposal id') },
      { id: '(no id)', why: expect.any(String) },
    ]);
  });
});
