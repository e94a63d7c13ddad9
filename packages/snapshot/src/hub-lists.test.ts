import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerOf, data, hubAt, idNumber, row } from '../test/hub-answers.ts';
import { playBack, variablesOf } from '../test/play-back.ts';
import { anAddress } from '../test/samples.ts';
import { SnapshotError } from './errors.ts';
import { createHub } from './hub.ts';
import { ProposalId, SpaceId } from './proposal.ts';

const space = SpaceId.parse('localdao.eth');

describe('some proposals', () => {
  const ids = Array.from({ length: 150 }, (_, n) => ProposalId.parse(idNumber(n)));

  it('come by id, a hundred to a query, without those that the hub does not know', async () => {
    await using server = await playBack((request) => {
      const { ids: asked } = variablesOf(request, z.object({ ids: z.array(z.string()).max(100) }));
      return data({ proposals: asked.filter((id) => id !== idNumber(7)).map((id) => row({ id })) });
    });
    const found = await hubAt(server).proposals(ids);
    expect([...found.keys()]).toEqual(ids.filter((id) => id !== idNumber(7)));
    for (const [id, read] of found) expect(read).toMatchObject({ ok: true, proposal: { id } });
    expect(server.received).toHaveLength(2);
  });

  it('that do not read say why, each by itself', async () => {
    await using server = await playBack(() =>
      data({ proposals: [row({ id: idNumber(0), type: 'coin-toss' }), row({ id: idNumber(1) })] }),
    );
    const found = await hubAt(server).proposals(ids.slice(0, 2));
    expect([...found.values()]).toMatchObject([{ ok: false, why: expect.stringMatching(/^type: /) }, { ok: true }]);
  });

  it('never hold one that was not asked for', async () => {
    await using server = await playBack(() => data({ proposals: [row({ id: idNumber(9) })] }));
    await expect(hubAt(server).proposals(ids.slice(0, 2))).rejects.toMatchObject({ kind: 'malformed' });
  });

  it('of no ids need no question', async () => {
    await using server = await playBack(() => 'cut');
    expect((await hubAt(server).proposals([])).size).toBe(0);
    expect(server.received).toEqual([]);
  });
});

describe("a voter's votes in a space", () => {
  const voter = anAddress();
  const since = 1_795_000_000;
  const aRow = (n: number, given: Record<string, unknown> = {}): Record<string, unknown> => ({
    id: idNumber(n),
    voter: voter.toLowerCase(),
    created: since + Math.floor(n / 7),
    space: { id: space },
    proposal: { id: idNumber(10_000 + n) },
    ...given,
  });
  const Variables = z.object({ first: z.number(), skip: z.number(), since: z.number(), createdLte: z.number() });

  it('are all there, over pages, each once, and from the time that was asked for', async () => {
    const rows = Array.from({ length: 2_345 }, (_, n) => aRow(n, n < 40 ? { created: since - 1 } : {}));
    await using server = await playBack((request) => {
      const { first, skip, since: from, createdLte } = variablesOf(request, Variables);
      const there = rows.toReversed().filter(({ created }) => Number(created) >= from && Number(created) <= createdLte);
      return data({ votes: there.slice(skip, skip + first) });
    });
    const votes = await hubAt(server).votesInSpace({ voter, space, since });
    expect(new Set(votes.map(({ id }) => id))).toEqual(new Set(rows.slice(40).map(({ id }) => id)));
    expect(votes).toHaveLength(rows.length - 40);
    expect(server.received).toHaveLength(3);
  });

  it("never hold somebody else's, or one of another space", async () => {
    for (const odd of [aRow(1, { voter: anAddress() }), aRow(1, { space: { id: 'other.eth' } })]) {
      await using server = await playBack(() => data({ votes: [aRow(2), odd] }));
      const votes = hubAt(server).votesInSpace({ voter, space, since });
      await expect(votes).rejects.toMatchObject({ kind: 'malformed' });
    }
  });
});

describe('what is put around the requests', () => {
  it('sees each of them, a page too, with what comes of it, and may refuse to ask', async () => {
    await using server = await playBack((_, number) =>
      number === 3 ? answerOf('apikey-hub-exhausted-and-ip-limited') : data({ space: null, proposals: [] }),
    );
    const seen: unknown[] = [];
    let shut = false;
    const hub = createHub({
      url: server.url,
      timeoutMs: 5_000,
      async around(ask) {
        if (shut) throw new Error('shut');
        try {
          const answer = await ask();
          seen.push('answer');
          return answer;
        } catch (error) {
          seen.push(error instanceof SnapshotError ? error.kind : 'other');
          throw error;
        }
      },
    });
    await hub.space(space);
    for await (const page of hub.activeProposals(space)) expect(page.proposals).toEqual([]);
    await expect(hub.space(space)).rejects.toMatchObject({ kind: 'rate_limited' });
    shut = true;
    await expect(hub.space(space)).rejects.toThrow('shut');
    expect(seen).toEqual(['answer', 'answer', 'rate_limited']);
    expect(server.received).toHaveLength(3);
  });
});
