/** The pure parts of an opening together, filter, rank and choose, over generated worlds. */
import type { ReadProposal } from '@quorum/snapshot/hub';
import { Address, type Proposal, type ProposalId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aProposalId } from '../../../packages/shared/test/samples.ts';
import { aProposal, DAY_S, NOW_MS, NOW_S } from '../test/samples.ts';
import { anyEntry, anyWorld } from '../test/worlds.ts';
import { choose, type ChooseDeps } from './choose.ts';
import { dropByHistory, partition, termsOf } from './filter.ts';
import { listed, type Listed } from './listing.ts';
import { LATE, type Power } from './power.ts';
import { rank } from './rank.ts';
import { PATIENT } from '../../../test/patience.ts';

const at = { nowMs: NOW_MS, minTimeToVoteS: 120 };
const NEVER = new AbortController().signal;
const some: Power = { kind: 'known', value: 7 };

/** A world of up to so many proposals, the texts of which may have become others since they were listed. */
const anyLargeWorld = fc.record({
  world: anyWorld,
  entries: fc.array(
    fc.record({ entry: anyEntry, since: fc.constantFrom('same', 'same', 'same', 'gone', 'odd', 'flagged') }),
    {
      minLength: 5,
      maxLength: 25,
    },
  ),
});

describe('any world', () => {
  it('obeys the laws of the filter: who may pass, how many, in which order, and each proposal counted once', async () => {
    let worlds = 0;
    const seen = { chosen: 0, beyond: 0, compared: 0 };
    await fc.assert(
      fc.asyncProperty(anyLargeWorld, async ({ world: { limit, blacklist, whitelist }, entries }) => {
        const known = new Map(entries.map((one): [ProposalId, typeof one] => [aProposalId(), one]));
        const of = (id: ProposalId) => {
          const one = known.get(id);
          if (one === undefined) throw new Error('a proposal from nowhere');
          return one;
        };
        const proposals = [...known].map(([id, { entry }]) => {
          const { author, flagged, left, quorum, quorumType, scores } = entry;
          const scores_total = scores.reduce((sum, score) => sum + score, 0);
          return aProposal({
            id,
            author,
            flagged,
            end: NOW_S + left,
            quorum,
            quorum_type: quorumType,
            scores,
            scores_total,
          });
        });
        const lists = {
          blacklisted_proposers: blacklist.map((one) => Address.parse(one)),
          whitelisted_proposers: whitelist.map((one) => Address.parse(one)),
        };
        const terms = termsOf(lists, at);
        const ids = (is: (one: ReturnType<typeof of>) => boolean) =>
          new Set([...known].filter(([, one]) => is(one)).map(([id]) => id));
        const history = {
          votedOn: ids(({ entry }) => entry.voted === 'by us'),
          decidedBefore: ids(({ entry }) => entry.decided === 'same'),
        };
        const asked: ProposalId[] = [];
        let atOnce = 0;
        const deps: ChooseDeps = {
          limit,
          async power(id) {
            asked.push(id);
            atOnce += 1;
            expect(atOnce).toBeLessThanOrEqual(limit);
            await Promise.resolve();
            atOnce -= 1;
            const { power } = of(id).entry;
            if (power === 'fails') return { kind: 'unknown', why: 'the score API is ill' };
            return power === 'some' ? some : { kind: 'known', value: 0 };
          },
          texts: async (wanted) => new Map(wanted.flatMap((id) => textNow(id, proposals, of(id).since))),
          recheck: terms,
          signal: NEVER,
        };

        const byTerms = partition(proposals.map(listed), terms);
        const byHistory = partition(byTerms.kept, (one) => dropByHistory(one, history));
        const ranked = rank(byHistory.kept, NOW_MS);
        const { selected, beyond, unchecked, dropped } = await choose(
          ranked.map(({ proposal }) => proposal),
          deps,
        );

        const counts = [byTerms.dropped, byHistory.dropped, dropped].flatMap((part) =>
          [...part.values()].map(({ length }) => length),
        );
        expect(counts.reduce((sum, count) => sum + count, selected.length)).toBe(proposals.length);
        expect(dropped.get('beyond_limit')?.length ?? 0).toBe(beyond.length);
        expect(dropped.get('check_failed')?.length ?? 0).toBe(unchecked.length);
        expect(selected.length).toBeLessThanOrEqual(limit);
        for (const { proposal, votingPower } of selected) {
          expect(lists.blacklisted_proposers).not.toContain(proposal.author);
          if (whitelist.length > 0) expect(lists.whitelisted_proposers).toContain(proposal.author);
          expect(history.votedOn.has(proposal.id)).toBe(false);
          expect(history.decidedBefore.has(proposal.id)).toBe(false);
          expect(proposal.flagged).toBe(false);
          expect(proposal.end - NOW_S).toBeGreaterThanOrEqual(120);
          expect(votingPower).toBe(7);
        }
        // No urgent one is left for a lax one of equal weight; and nothing is asked behind the last place.
        for (const { proposal } of selected) {
          for (const left of beyond) {
            if (!sameWeight(proposal, left, ranked)) continue;
            expect(left.end).toBeGreaterThanOrEqual(proposal.end);
            seen.compared += 1;
          }
        }
        if (beyond.length > 0) expect(selected).toHaveLength(limit);
        const behind = new Set(beyond.map(({ id }) => id));
        expect(asked.some((id) => behind.has(id))).toBe(false);
        expect(new Set(asked).size).toBe(asked.length);
        worlds += 1;
        seen.chosen += selected.length;
        seen.beyond += beyond.length;
      }),
      { numRuns: 1_000 },
    );
    expect(worlds).toBeGreaterThanOrEqual(1_000);
    // Laws about nothing would hold too. Chance makes these some hundred, and now and then fewer.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  });
});

describe('what was chosen', () => {
  const one = aProposal({ title: 'as it was listed' });
  const two = aProposal({ end: NOW_S + 2 * DAY_S });
  const both = [one, two].map(listed);
  const deps = (given: Partial<ChooseDeps>): ChooseDeps => ({
    limit: 1,
    power: async () => some,
    texts: async (ids) => new Map(ids.flatMap((id) => textNow(id, [one, two], 'same'))),
    recheck: termsOf({ blacklisted_proposers: [], whitelisted_proposers: [] }, at),
    signal: NEVER,
    ...given,
  });

  it('is taken as it is now, not as it was listed', async () => {
    const edited = { ...one, title: 'as it is now' };
    const { selected } = await choose(
      both,
      deps({ texts: async () => new Map([[one.id, { ok: true, proposal: edited }]]) }),
    );
    expect(selected).toEqual([{ proposal: edited, votingPower: 7 }]);
  });

  it.for([
    ['gone', 'check_failed', 'it is gone from the hub'],
    ['odd', 'check_failed', 'type: odd'],
    ['flagged', 'flagged', null],
  ] as const)('gives its place to the next where it is %s by now', async ([since, count, why]) => {
    const texts: ChooseDeps['texts'] = async (ids) =>
      new Map(ids.flatMap((id) => textNow(id, [one, two], id === one.id ? since : 'same')));
    const { selected, dropped, unchecked } = await choose(both, deps({ texts }));
    expect(selected.map(({ proposal }) => proposal.id)).toEqual([two.id]);
    expect([...dropped].map(([reason, all]) => [reason, all.length])).toEqual([[count, 1]]);
    expect(unchecked.map((entry) => entry.why)).toEqual(why === null ? [] : [why]);
  });

  it('has its text asked for beside its power, and once', async () => {
    const begun = Promise.withResolvers<undefined>();
    const asked: (readonly ProposalId[])[] = [];
    const { selected } = await choose(
      both,
      deps({
        limit: 2,
        async power() {
          await begun.promise;
          return some;
        },
        async texts(ids) {
          asked.push(ids);
          begun.resolve(undefined);
          return new Map(ids.flatMap((id) => textNow(id, [one, two], 'same')));
        },
      }),
    );
    expect(selected.map(({ proposal }) => proposal.id)).toEqual([one.id, two.id]);
    expect(asked).toEqual([[one.id, two.id]]);
  });

  it('asks no hub on and on that gives no voting power: what is behind is left for a later run', async () => {
    const many = Array.from({ length: 1_000 }, () => listed(aProposal()));
    let asked = 0;
    const power: ChooseDeps['power'] = async () => {
      asked += 1;
      return { kind: 'unknown', why: 'the hub is ill' };
    };
    const { selected, beyond, unchecked, dropped } = await choose(many, deps({ limit: 3, power }));
    expect([selected.length, asked, unchecked.length + beyond.length]).toEqual([0, unchecked.length, many.length]);
    expect(asked).toBeLessThanOrEqual(60);
    expect(dropped.get('beyond_limit')).toEqual(beyond);
  });

  it('is nothing where the hub asks for a pause: that is thrown, unless nobody needs what it was asked for', async () => {
    const pause = new Error('a pause');
    await expect(choose(both, deps({ power: () => Promise.reject(pause) }))).rejects.toBe(pause);
    await expect(choose(both, deps({ texts: () => Promise.reject(pause) }))).rejects.toBe(pause);
    const none: Power = { kind: 'known', value: 0 };
    const { selected } = await choose(both, deps({ power: async () => none, texts: () => Promise.reject(pause) }));
    expect(selected).toEqual([]);
  });
});

describe('voting power that is slow to come', () => {
  const many = Array.from({ length: 60 }, () => aProposal());
  const all = many.map(listed);

  /** Chooses three where the power of these hangs until it is given up; how often power was asked for, too. */
  async function chooseAmong(hangs: (place: number) => boolean, given: Partial<ChooseDeps> = {}) {
    const asked: number[] = [];
    const givenUp: number[] = [];
    const power: ChooseDeps['power'] = async (id, signal) => {
      const place = many.findIndex((one) => one.id === id);
      asked.push(place);
      if (!hangs(place)) return some;
      const { promise, resolve } = Promise.withResolvers<Power>();
      signal.addEventListener('abort', () => {
        givenUp.push(place);
        resolve({ kind: 'unknown', why: LATE });
      });
      return promise;
    };
    const chosen = await choose(all, {
      limit: 3,
      power,
      patience: { slowMs: 1, allMs: PATIENT.timeout },
      texts: async (ids) => new Map(ids.flatMap((id) => textNow(id, many, 'same'))),
      recheck: () => null,
      signal: NEVER,
      ...given,
    });
    const places = (of: readonly { readonly id: ProposalId }[]) =>
      of.map(({ id }) => all.findIndex((one) => one.id === id));
    return {
      selected: places(chosen.selected.map(({ proposal }) => proposal)),
      beyond: places(chosen.beyond),
      unchecked: chosen.unchecked,
      counted: [...chosen.dropped.values()].reduce((sum, { length }) => sum + length, chosen.selected.length),
      asked,
      givenUp,
    };
  }

  it('keeps no other proposal waiting: those that answer are taken, the slow ones are left for a later run', async () => {
    const { selected, beyond, unchecked, counted, givenUp } = await chooseAmong(
      (place) => place < 1 || (place > 2 && place < 6),
    );
    expect(selected).toEqual([1, 2, 6]);
    expect(beyond.slice(0, 4)).toEqual([0, 3, 4, 5]);
    expect([unchecked, counted]).toEqual([[], 60]);
    expect(givenUp).toEqual([0, 3, 4, 5]);
  });

  it('has the texts of those that answered read anew: what was read beside it may be old by then', async () => {
    const asked: number[] = [];
    const reads = (ids: readonly ProposalId[]) => ids.flatMap((id) => textNow(id, many, 'same'));
    const { selected } = await chooseAmong((place) => place === 0, {
      async texts(ids) {
        asked.push(ids.length);
        return new Map(reads(ids));
      },
    });
    expect(selected).toEqual([1, 2, 3]);
    // Of the first three, of the two that answered, and of the one that took the place that was left.
    expect(asked).toEqual([3, 2, 1]);
  });

  it('and a text that is asked for beside it are given up where the choice ends', async () => {
    const ended = Promise.withResolvers<undefined>();
    const choice = choose(all.slice(0, 3), {
      limit: 3,
      power: () => Promise.reject(new Error('the hub asks for a pause')),
      texts: (_ids, until) => {
        until.addEventListener('abort', () => ended.resolve(undefined), { once: true });
        return new Promise(() => undefined);
      },
      recheck: () => null,
      signal: NEVER,
    });
    await expect(choice).rejects.toThrow('the hub asks for a pause');
    await ended.promise;
  });

  it('is asked ever more widely, so that not even thirty that hang hold up the rest', async () => {
    const { selected, asked } = await chooseAmong((place) => place < 30);
    expect(selected).toEqual([30, 31, 32]);
    // Waves of 3, 6, 12 and 24: as many as there are places, and as many as hang.
    expect(asked).toEqual(Array.from({ length: 45 }, (_, place) => place));
  });

  it('is asked about no more than a run may leave unchecked, however many hang: the hub is everybody’s', async () => {
    const { selected, asked, counted } = await chooseAmong(() => true, { patience: { slowMs: 1, allMs: 200 } });
    expect(selected).toEqual([]);
    expect(asked).toEqual(Array.from({ length: 50 }, (_, place) => place));
    expect(counted).toBe(60);
  });

  it('ends the choice when the time of all is over: what is chosen stands, and what was not answered is unchecked', async () => {
    const hung = await chooseAmong((place) => place !== 1, { patience: { slowMs: 5, allMs: 40 } });
    expect(hung.selected).toEqual([1]);
    expect(new Set(hung.unchecked.map(({ why }) => why))).toEqual(new Set([LATE]));
    expect(hung.unchecked.length).toBe(hung.asked.length - 1);
    expect([hung.beyond.length, hung.counted]).toEqual([60 - hung.asked.length, 60]);
  });

  it('and comes after all is taken, where there is a place', async () => {
    const slow = Promise.withResolvers<undefined>();
    const power: ChooseDeps['power'] = async (id) => {
      if (id === many[0]?.id) await slow.promise;
      return some;
    };
    const { selected } = await choose(all.slice(0, 3), {
      limit: 3,
      power,
      patience: { slowMs: 1, allMs: PATIENT.timeout },
      async texts(ids) {
        // Not yet where they are asked for beside the powers.
        if (ids.length < 3) slow.resolve(undefined);
        return new Map(ids.flatMap((id) => textNow(id, many, 'same')));
      },
      recheck: () => null,
      signal: NEVER,
    });
    expect(selected.map(({ proposal }) => proposal.id)).toEqual([many[1]?.id, many[2]?.id, many[0]?.id]);
  });

  it('ends with the run that is told to stop', async () => {
    const stop = new AbortController();
    const chosen = chooseAmong(() => true, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(chosen).rejects.toThrow('enough');
  });
});

/** What the hub says of a proposal that was listed. */
function textNow(id: ProposalId, listing: readonly Proposal[], since: string): [ProposalId, ReadProposal][] {
  const proposal = listing.find((one) => one.id === id);
  if (proposal === undefined || since === 'gone') return [];
  if (since === 'odd') return [[id, { ok: false, id, why: 'type: odd' }]];
  return [[id, { ok: true, proposal: { ...proposal, flagged: since === 'flagged' || proposal.flagged } }]];
}

/** Whether two proposals differ in nothing that ranks them but their end. */
function sameWeight(a: Proposal, b: Listed, ranked: ReturnType<typeof rank<Listed>>): boolean {
  const [ofA, ofB] = [a.id, b.id].map((id) => ranked.find(({ proposal }) => proposal.id === id)?.ranked);
  return ofA !== undefined && ofB !== undefined && ofA.weight === ofB.weight && ofA.contest === ofB.contest;
}
