import type { Hub } from '@quorum/snapshot/hub';
import { describe, expect, it, vi } from 'vitest';
import { inWorld } from '../test/samples.ts';
import { useOpening } from '../test/opening.ts';

const stand = useOpening();
const QUERY = { body_contains: 'query Strategies' };

const asked = (world: ReturnType<typeof stand>): number =>
  world.asked().filter((body) => body.includes(QUERY.body_contains)).length;

describe('a vote that takes power back from a delegate', () => {
  it('is one under a strategy that the hub marks', async () => {
    const world = stand();
    const named = (name: string) => [{ name, network: '1', params: {} }];
    const asker = await world.ask((space) => [
      inWorld(space, { strategies: named('ticket') }),
      inWorld(space, { strategies: [...named('ticket'), ...named('delegation')] }),
    ]);
    const { selected } = await world.open(asker);
    const marked = await Promise.all(
      selected.map(async ({ proposal_id: id, takes_power_back: takes }) => {
        const proposal = await world.hub.proposal(id);
        return [proposal?.strategies.at(-1)?.name, takes];
      }),
    );
    expect(marked).toHaveLength(2);
    expect(marked).toContainEqual(['delegation', true]);
    expect(marked).toContainEqual(['ticket', false]);
  });

  it('is asked of the hub once for all runs that share a cache', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const [cache, before] = [world.freshCache(), asked(world)];
    await world.open(asker, { deps: { cache } });
    await world.open(asker, { deps: { cache } });
    expect(asked(world) - before).toBe(1);
  });

  it('costs a run no trip of its own where it is kept: it is looked up while the hub is asked for the votes', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const kept = world.freshCache();
    await kept.keepOverriding(new Set(['ticket']));
    const [votesAsked, lookedUp] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const looked = vi.fn(async () => {
      lookedUp.resolve(undefined);
      await votesAsked.promise;
      return kept.overriding();
    });
    const hub: Hub = {
      ...world.hub,
      async votesInSpace(query, signal) {
        votesAsked.resolve(undefined);
        await lookedUp.promise;
        return world.hub.votesInSpace(query, signal);
      },
    };
    await world.open(asker, { hub, deps: { cache: { ...kept, overriding: looked } } });
    expect(looked).toHaveBeenCalledOnce();
  });

  it('is not asked of the hub where another run has asked meanwhile', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const cache = world.freshCache();
    const hub: Hub = {
      ...world.hub,
      async votesInSpace(query, signal) {
        const votes = await world.hub.votesInSpace(query, signal);
        await cache.keepOverriding(new Set(['delegation']));
        return votes;
      },
    };
    const before = asked(world);
    await world.open(asker, { hub, deps: { cache } });
    expect(asked(world)).toBe(before);
  });

  it('is asked of nobody where nothing was chosen', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)], { voting_power: [] });
    const before = asked(world);
    expect((await world.open(asker)).selected).toEqual([]);
    expect(asked(world)).toBe(before);
  });

  it('is every vote where the hub does not say: that asks for more agreement, and stops nothing', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.fault({ endpoint: 'hub', share: 1, status: 503, body: '', match: QUERY });
    const opening = await world.open(asker);
    expect(opening.selected).toMatchObject([{ takes_power_back: true }]);
    expect(opening.errors).toEqual([]);
  });

  it('puts the run off where the hub asks for a pause', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.fault({ endpoint: 'hub', share: 1, status: 429, body: '{}', match: QUERY });
    await expect(world.open(asker)).rejects.toMatchObject({ category: 'rate_limited' });
  });

  it('is asked of nobody where there is no voter', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const before = asked(world);
    const opening = await world.open({ ...asker, owner: (await world.ask(() => [])).owner });
    expect(opening.voter).toBeNull();
    expect(opening.selected).toMatchObject([{ takes_power_back: false }]);
    expect(asked(world)).toBe(before);
  });
});
