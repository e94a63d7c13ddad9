/** What cannot be read or checked, what was decided before, and what comes too late. */
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { Address } from '@quorum/snapshot/proposal';
import { describe, expect, it } from 'vitest';
import { anAddress, anOwner, aSpace, listeningLogger } from '../../../packages/shared/test/samples.ts';
import { allActive, data, row } from '../../../packages/snapshot/test/hub-answers.ts';
import { playBack, type Reply } from '../../../packages/snapshot/test/play-back.ts';
import { OPEN_ENDED, useOpening } from '../test/opening.ts';
import { authors, DAY_S, HOUR_S, inWorld, NOW_MS, NOW_S } from '../test/samples.ts';
import { openRun } from './open.ts';
import { rank } from './rank.ts';
import { PATIENT } from '../../../test/patience.ts';

const stand = useOpening();
const [anna = '', boris = ''] = authors();

describe('a proposal that cannot be checked', () => {
  it('is dropped alone where its power fails: the rest go on, and the next in rank takes its place', async () => {
    const world = stand();
    const { log, lines } = listeningLogger();
    const asker = await world.ask((space) =>
      [1, 2, 3, 4, 5].map((days) => inWorld(space, { end: NOW_S + days * DAY_S })),
    );
    const listed = rank((await allActive(world.hub, asker.space)).proposals, NOW_MS).map(({ proposal }) => proposal);
    const [first, second, third, fourth] = listed.map(({ id }) => id);
    await world.add({ voting_power: [{ proposal: second ?? '', default: true, fail: true }] });
    const opening = await world.open(asker, { deps: { log } });
    expect(opening.selected.map((one) => one.proposal_id)).toEqual([first, third, fourth]);
    expect(opening.filter_metrics).toMatchObject({ fetched: 5, check_failed: 1, beyond_limit: 1, selected: 3 });
    expect(opening.errors).toEqual([
      expect.stringMatching(
        `^1 proposal could not be checked and is left for a later run: ${second} \\(Snapshot's hub gave no usable answer`,
      ),
    ]);
    expect(lines).toContainEqual(expect.objectContaining({ proposal_id: second, msg: 'proposal cannot be checked' }));
  });

  it('is not left in silence where the hub gives no power at all: the owner is told, and the next run is asked for', async () => {
    const world = stand();
    const asker = await world.ask((space) => [1, 2].map((days) => inWorld(space, { end: NOW_S + days * DAY_S })));
    await world.fault({ endpoint: 'hub', share: 1, status: 503, body: '', match: { body_contains: 'VotingPower' } });
    const opening = await world.open(asker);
    expect(opening.filter_metrics).toMatchObject({ fetched: 2, check_failed: 2, selected: 0 });
    expect(opening.errors).toEqual([
      expect.stringMatching(
        /^2 proposals could not be checked and are left for a later run; the first: 0x\w{64} \(Sna/,
      ),
    ]);
    expect(opening.left_over).toMatchObject({ all: NOW_S + DAY_S, fresh: null });
    expect(opening.left_over.proposals?.map(({ end }) => end)).toEqual([NOW_S + DAY_S, NOW_S + 2 * DAY_S]);
  });

  it('stops no other where the hub does not answer for its power', async () => {
    const world = stand();
    const asker = await world.ask((space) =>
      [1, 2, 3, 4, 5, 6].map((days) => inWorld(space, { end: NOW_S + days * DAY_S })),
    );
    const listed = rank((await allActive(world.hub, asker.space)).proposals, NOW_MS).map(({ proposal }) => proposal.id);
    const hung = listed.slice(0, 4);
    for (const id of hung) {
      await world.fault({
        endpoint: 'hub',
        count: 9,
        latency_ms: 30_000,
        match: { body_contains: `"proposal":"${id}"` },
      });
    }
    await world.writePreferences(asker.owner, { max_proposals_per_run: 2 });
    const patience = { slowMs: 50, allMs: PATIENT.timeout };
    const opening = await world.open(asker, { deps: { powerPatience: patience } });
    expect(new Set(opening.selected.map(({ proposal_id: id }) => id))).toEqual(new Set(listed.slice(4)));
    expect(opening.left_over.proposals?.map(({ proposal_id: id }) => id).toSorted()).toEqual(hung.toSorted());
  });

  it('is left for a later run where the hub answers for none, and the owner is told', async () => {
    const world = stand();
    const asker = await world.ask((space) => [1, 2].map((days) => inWorld(space, { end: NOW_S + days * DAY_S })));
    await world.fault({ endpoint: 'hub', count: 9, latency_ms: 30_000, match: { body_contains: 'VotingPower' } });
    const opening = await world.open(asker, { deps: { powerPatience: { slowMs: 50, allMs: 200 } } });
    expect(opening.filter_metrics).toMatchObject({ fetched: 2, check_failed: 2, selected: 0 });
    expect(opening.errors).toEqual([
      expect.stringMatching(/^2 proposals could not be checked .* \(its voting power was not read in time\)$/),
    ]);
    expect(opening.left_over.all).toBe(NOW_S + DAY_S);
  });

  it('is counted where its row is malformed, and the rest go on', async () => {
    const good = row({ id: '0x01', state: 'active', end: NOW_S + DAY_S, space: { id: 'harbour.eth' } });
    const rows = [
      good,
      { ...good, id: '0x02', type: 'by-shouting' },
      { ...good, id: '0x03', choices: [] },
      { ...good, id: '0x04', space: { id: 'elsewhere.eth' } },
      { ...good, id: '0x05', author: 'nobody' },
      'no row at all',
    ];
    await using server = await playBack(({ body }) =>
      data({ proposals: body.includes('ActiveProposals') ? rows : [good] }),
    );
    const asker = { owner: anOwner(), voter: anAddress(), space: aSpace('harbour.eth') };
    const opening = await stand().open(asker, { hub: createHub({ url: server.url, timeoutMs: PATIENT.timeout }) });
    expect(opening.filter_metrics).toMatchObject({ fetched: 6, check_failed: 5, selected: 1 });
    expect(opening.selected.map((one) => one.proposal_id)).toEqual(['0x01']);
    expect(opening.errors).toContainEqual(
      expect.stringMatching(
        /^5 proposals cannot be read and are left out; look on Snapshot: 0x02 \(type: .*\), 0x03 \(choices: .*\), 0x04 \(belongs to another space\) and 2 more\.$/,
      ),
    );
  });

  it('is asked for its power as our own fault, too, and drops alone', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space), inWorld(space)]);
    const [one] = (await allActive(world.hub, asker.space)).proposals;
    await world.fault({
      endpoint: 'hub',
      count: 1,
      status: 400,
      body: { errors: [{ message: 'proposal not found' }], data: null },
      match: { body_contains: `"proposal":"${one?.id}"` },
    });
    const { filter_metrics: counts } = await world.open(asker);
    expect(counts).toMatchObject({ fetched: 2, check_failed: 1, selected: 1 });
  });
});

describe('a space or a list that cannot be read', () => {
  it('is said in words where the space does not exist', async () => {
    const asker = { owner: anOwner(), voter: anAddress(), space: aSpace('nowhere.eth') };
    await expect(stand().open(asker)).rejects.toMatchObject({
      category: 'validation',
      message: 'There is no space nowhere.eth on Snapshot. Check its name, for example ens.eth.',
    });
  });

  const faults: [string, Reply][] = [
    ['a 500', { status: 500, body: { error: 'down' } }],
    ['a 200 with errors', { status: 200, body: { errors: [{ message: 'Internal server error' }], data: null } }],
    [
      'a 200 with errors and half of the list',
      { status: 200, body: { errors: [{ message: 'timeout' }], data: { proposals: [row({ state: 'active' })] } } },
    ],
    ['HTML', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>502 Bad gateway</html>' }],
    ['a list that is none', data({ proposals: null })],
    ['a cut line', 'cut'],
    ['a line cut in the answer', 'cut in the body'],
    ['a 429', { status: 429, headers: { 'retry-after': '3' }, body: { error: 'too many requests' } }],
    ['silence', 'silence'],
  ];
  it.for(faults)('stops the run at %s, for the list as for the votes and the texts', async ([, reply]) => {
    const asker = await stand().ask(() => []);
    const { space } = asker;
    const list = { proposals: [row({ id: '0x01', state: 'active', end: NOW_S + DAY_S, space: { id: space } })] };
    for (const failing of ['ActiveProposals', 'query SpaceVotes', 'query Proposals']) {
      await using server = await playBack(({ body }) => {
        if (body.includes(failing)) return reply;
        return data({ ...list, votes: [], vp: { vp: 1 } });
      });
      const opened = stand().open(asker, { hub: createHub({ url: server.url, timeoutMs: 300 }) });
      await expect(opened).rejects.toMatchObject({ upstream: 'hub' });
      expect(server.received.some(({ body }) => body.includes('VotingPower'))).toBe(failing === 'query Proposals');
    }
  });

  it('stops the run at once where the run was told to stop', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.fault({ endpoint: 'hub', count: 1, latency_ms: 30_000, match: { body_contains: 'VotingPower' } });
    const deps = {
      ...world,
      cache: world.freshCache(),
      log: listeningLogger().log,
      minTimeToVoteS: 0,
      deadlineLeadS: 60,
      now: () => NOW_MS,
    };
    const opened = openRun(world.run(asker), deps, AbortSignal.timeout(300));
    await expect(opened).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});

describe('what an earlier run decided', () => {
  it('is left out of a live run only, and only with the same text under the same preferences', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const { owner, space } = asker;
    const { selected, preferences_version: version } = await world.open(asker);
    const [{ proposal_id: id, content_hash: hash } = { proposal_id: undefined, content_hash: '' }] = selected;
    if (id === undefined) throw new Error('nothing was selected');
    await world.records.noteDecidedBefore(owner, space, new Map([[id, hash]]), version, 'by_policy', OPEN_ENDED);
    const kept = async (dryRun = false): Promise<number> => (await world.open(asker, { dryRun })).selected.length;
    expect(await kept()).toBe(0);
    expect((await world.open(asker)).filter_metrics.decided_before).toBe(1);
    expect(await kept(true)).toBe(1);
    // Another owner in the same space knows nothing of it.
    const other = { ...asker, owner: anOwner() };
    await world.records.announceSigner(other.owner, { voter: asker.voter, kind: 'own_key', allowed_spaces: [space] });
    expect((await world.open(other)).selected).toHaveLength(1);
    await world.add({ proposals: [inWorld(space, { id, body: 'Quite another text.' })] });
    expect(await kept()).toBe(1);
    await world.add({ proposals: [inWorld(space, { id })] });
    expect(await kept()).toBe(0);
    await world.writePreferences(owner, { confidence_threshold: 0.8 });
    expect(await kept()).toBe(1);
  });
});

describe('what is behind the last place', () => {
  it('is pinned by name for a live run, the first to end first, and a dry run keeps no room for it', async () => {
    const world = stand();
    const days = [1, 2, 5, 3, 4];
    const asker = await world.ask((space) => days.map((day) => inWorld(space, { end: NOW_S + day * DAY_S })));
    const { selected, left_over: left } = await world.open(asker);
    const taken = new Set(selected.map(({ end }) => end));
    const behind = [1, 2, 3, 4, 5].map((day) => NOW_S + day * DAY_S).filter((end) => !taken.has(end));
    expect(behind).toHaveLength(2);
    expect(left.proposals?.map(({ end }) => end)).toEqual(behind);
    expect((await world.open(asker, { dryRun: true })).left_over).toEqual({ all: behind[0], fresh: behind[0] });
  });
});

describe('what an earlier run could not vote on', () => {
  it('comes after everything else, so that it never keeps the rest from being decided', async () => {
    const world = stand();
    const asker = await world.ask((space) => [
      inWorld(space, { end: NOW_S + HOUR_S }),
      inWorld(space, { end: NOW_S + 2 * HOUR_S }),
      inWorld(space, { end: NOW_S + 9 * DAY_S }),
    ]);
    const { owner, space } = asker;
    await world.writePreferences(owner, { max_proposals_per_run: 2 });
    const { selected: urgent, preferences_version: version } = await world.open(asker);
    const hashes = new Map(urgent.map(({ proposal_id: id, content_hash: hash }) => [id, hash]));
    await world.records.noteDecidedBefore(owner, space, hashes, version, 'in_vain', OPEN_ENDED);
    const { selected, filter_metrics: counts } = await world.open(asker);
    expect(selected.map(({ end }) => end)).toEqual([NOW_S + 9 * DAY_S, NOW_S + HOUR_S]);
    expect([counts.decided_before, counts.beyond_limit]).toEqual([0, 1]);
  });
});

describe('a blacklisted proposer', () => {
  it('is dropped, whitelisted or not', async () => {
    const world = stand();
    const asker = await world.ask((space) => [
      inWorld(space, { author: Address.parse(anna) }),
      inWorld(space, { author: Address.parse(boris) }),
    ]);
    await world.writePreferences(asker.owner, { blacklisted_proposers: [anna], whitelisted_proposers: [anna] });
    const { filter_metrics: counts, selected } = await world.open(asker);
    expect(counts).toMatchObject({ blacklisted: 1, not_whitelisted: 1, selected: 0 });
    expect(selected).toEqual([]);
  });
});

describe('what came too late while the rest was read', () => {
  it.for([
    ['its text says so', 60, 0],
    ['the hub took so long', DAY_S, DAY_S],
  ] as const)('is told like what was too late before, where %s', async ([, endsInS, tookS]) => {
    const asker = await stand().ask((space) => [inWorld(space, { end: NOW_S + DAY_S + 60 })]);
    const { hub } = stand();
    let nowMs = NOW_MS;
    const slow: Hub = {
      ...hub,
      async proposals(ids, signal) {
        nowMs += tookS * 1_000;
        const found = await hub.proposals(ids, signal);
        return new Map(
          [...found].map(([id, read]) => [
            id,
            read.ok ? { ok: true, proposal: { ...read.proposal, end: NOW_S + endsInS } } : read,
          ]),
        );
      },
    };
    const opening = await stand().open(asker, { hub: slow, deps: { now: () => nowMs } });
    expect(opening.filter_metrics).toMatchObject({ fetched: 1, closing_too_soon: 1, selected: 0 });
    expect(opening.closing_too_soon).toHaveLength(1);
    expect(opening.errors).toEqual([expect.stringMatching(/^1 proposal closes too soon/)]);
  });
});
