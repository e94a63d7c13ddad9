import type { World } from '@quorum/sandbox/world';
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import { preferencesVersion } from '@quorum/shared/preferences';
import { contentHash } from '@quorum/snapshot/content-hash';
import { createHub, type Hub } from '@quorum/snapshot/hub';
import { Address, type Proposal, ProposalId, type SpaceId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  anAddress,
  anOwner,
  aProposalId,
  aSpace,
  listeningLogger,
  preferences,
} from '../../../packages/shared/test/samples.ts';
import { allActive, data, row } from '../../../packages/snapshot/test/hub-answers.ts';
import { playBack, type Reply } from '../../../packages/snapshot/test/play-back.ts';
import { useOpening } from '../test/opening.ts';
import { aProposal, authors, DAY_S, HOUR_S, inWorld, NOW_MS, NOW_S, type WorldProposal } from '../test/samples.ts';
import { anyWorld, type Entry } from '../test/worlds.ts';
import { openRun } from './open.ts';
import { rank } from './rank.ts';
import { PATIENT } from '../../../test/patience.ts';

const stand = useOpening();
/** Nothing of what is noted has closed. */
const OPEN_ENDED = { ends: new Map<ProposalId, number>(), nowMs: NOW_MS };
const [anna = '', boris = ''] = authors();

describe('any world', () => {
  it('is filtered, ranked and cut to the limit as the preferences say, and every proposal is counted once', async () => {
    await fc.assert(
      fc.asyncProperty(anyWorld, async ({ entries, limit, blacklist, whitelist, dryRun, hasSigner, revise }) => {
        const world = stand();
        const known = new Map(entries.map((entry) => [aProposalId(), entry]));
        const proposalsIn = (space: SpaceId): WorldProposal[] =>
          [...known].map(([id, { author, left, flagged, quorum, quorumType, scores }]) =>
            inWorld(space, { id, author, end: NOW_S + left, flagged, quorum, quorumType, scores }),
          );
        const asker = await world.ask(proposalsIn, { voting_power: [] });
        const { owner, voter, space } = asker;
        // A signer for another space is no signer here.
        if (!hasSigner) {
          await world.records.announceSigner(owner, { voter, kind: 'own_key', allowed_spaces: [aSpace('other.eth')] });
        }
        await world.writePreferences(owner, {
          max_proposals_per_run: limit,
          blacklisted_proposers: blacklist,
          whitelisted_proposers: whitelist,
          revise_votes: revise,
        });
        const stored = await world.preferences.load(owner);
        const version = stored.kind === 'unusable' ? '' : stored.version;

        const votes = [...known].flatMap(([id, { voted }]) => {
          const who = voted === 'by another' ? anAddress() : voter;
          return voted === 'no'
            ? []
            : [{ id: `${id}v`, voter: who, created: NOW_S - 5, space, proposal: id, choice: 1 }];
        });
        const powers = [...known].flatMap(([id, { power }]): NonNullable<World['voting_power']> => {
          if (power === 'some') return [{ proposal: id, voter, vp: 7 }];
          return power === 'fails' ? [{ proposal: id, voter, fail: true }] : [];
        });
        await world.add({ votes, voting_power: powers });
        const { proposals } = await allActive(world.hub, space);
        for (const proposal of proposals) {
          const entry = known.get(proposal.id);
          const decided = entry?.decided ?? 'no';
          if (decided === 'no' || entry?.voted === 'outdated in vain') continue;
          const hash = contentHash(decided === 'other text' ? aProposal() : proposal);
          // A threshold that no generated preferences have: the defaults are among them.
          const others = preferencesVersion(preferences({ confidence_threshold: 0.99 }));
          const under = decided === 'other preferences' ? others : version;
          await world.records.noteDecidedBefore(
            owner,
            space,
            new Map([[proposal.id, hash]]),
            under,
            'by_policy',
            OPEN_ENDED,
          );
        }

        for (const [id, { voted }] of known) {
          const proposal = ProposalId.parse(id);
          if (voted === 'by us')
            await world.ledger(asker, proposal, { vote_id: 'another', preferences_version: 'old' });
          if (voted === 'up to date') {
            await world.ledger(asker, proposal, { vote_id: `${id}v`, preferences_version: version });
          }
          if (voted === 'outdated' || voted === 'outdated in vain') {
            await world.ledger(asker, proposal, { vote_id: `${id}v`, preferences_version: 'old' });
          }
          if (voted === 'outdated, its revision sent in vain') {
            const replaces = JSON.stringify({ vote_id: `${id}v`, intent: '{}' });
            const revision = { state: 'reserved', vote_id: 'revision', preferences_version: version, replaces };
            await world.ledger(asker, proposal, revision);
          }
          const text = proposals.find((one) => one.id === id);
          if (voted !== 'outdated in vain' || text === undefined) continue;
          await world.records.noteDecidedBefore(
            owner,
            space,
            new Map([[proposal, contentHash(text)]]),
            version,
            'in_vain',
            OPEN_ENDED,
          );
        }

        const opening = await world.open(asker, { dryRun });

        const live = hasSigner && !dryRun;
        // A dry run remembers nothing of what was tried in vain.
        const outdated = ({ voted }: Entry): boolean =>
          voted.startsWith('outdated') && !(live && voted === 'outdated in vain');
        const hasVoted = (entry: Entry): boolean =>
          entry.voted !== 'no' && entry.voted !== 'by another' && !(revise && outdated(entry));
        const why = ({ id }: Proposal): string | null => {
          const entry = known.get(id);
          if (entry === undefined) throw new Error('a proposal from nowhere');
          if (blacklist.includes(entry.author)) return 'blacklisted';
          if (whitelist.length > 0 && !whitelist.includes(entry.author)) return 'not_whitelisted';
          if (entry.flagged) return 'flagged';
          if (entry.left < 120) return 'closing_too_soon';
          if (hasSigner && hasVoted(entry)) return 'already_voted';
          return live && entry.decided === 'same' ? 'decided_before' : null;
        };
        const expected: Record<string, number> = {};
        const count = (name: string): void => void (expected[name] = (expected[name] ?? 0) + 1);
        for (const reason of proposals.map(why)) if (reason !== null) count(reason);
        const passed = rank(
          proposals.filter((proposal) => why(proposal) === null),
          NOW_MS,
        );
        const chosen: string[] = [];
        const asked: string[] = [];
        for (const { proposal } of passed) {
          if (chosen.length === limit) {
            count('beyond_limit');
            continue;
          }
          if (hasSigner) asked.push(proposal.id);
          const power = known.get(proposal.id)?.power;
          if (!hasSigner || power === 'some') chosen.push(proposal.id);
          else count(power === 'fails' ? 'check_failed' : 'no_voting_power');
        }

        const { ranked, fetched, selected, ...counts } = opening.filter_metrics;
        expect(fetched).toBe(entries.length);
        expect(Object.values(counts).reduce((sum, part) => sum + part, selected)).toBe(fetched);
        expect(Object.fromEntries(Object.entries(counts).filter(([, part]) => part > 0))).toEqual(expected);
        expect(opening.selected.map((one) => one.proposal_id)).toEqual(chosen);
        expect(selected).toBe(chosen.length);
        expect(ranked).toEqual(passed.map((entry) => entry.ranked));
        // Batches are asked at once, so their order of arrival within one may differ.
        expect(world.powersAsked(voter).toSorted()).toEqual(asked.toSorted());
        expect(opening.dry_run).toBe(!live);
        const later = passed.filter(({ proposal: { id } }) => !asked.includes(id) || known.get(id)?.power === 'fails');
        if (!hasSigner) later.splice(0, chosen.length);
        const ends = later.map(({ proposal }) => proposal.end);
        expect(opening.left_over.all).toBe(ends.length === 0 ? null : Math.min(...ends));
        const missed = proposals.filter(({ id, ...rest }) => {
          const entry = known.get(id);
          const done = entry !== undefined && (hasVoted(entry) || entry.decided === 'same');
          return live && why({ id, ...rest }) === 'closing_too_soon' && !done;
        });
        expect(opening.closing_too_soon.toSorted()).toEqual(missed.map(({ id }) => id).toSorted());
      }),
      { numRuns: 40 },
    );
  });
});

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
    expect(opening.left_over).toEqual({ all: NOW_S + DAY_S, fresh: null });
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

describe('preferences and signer', () => {
  it('that are all there make a live run', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.writePreferences(asker.owner, { max_proposals_per_run: 1 });
    const opening = await world.open(asker);
    expect(opening).toMatchObject({ dry_run: false, preferences_applied: true, voter: asker.voter, errors: [] });
    expect(opening.preferences_version).toBe(preferencesVersion(opening.preferences));
    expect(opening.selected).toMatchObject([{ voting_power: 10, title: 'Repair the breakwater' }]);
    const [chosen] = opening.selected;
    expect((await world.records.proposal(chosen?.content_hash ?? ''))?.id).toBe(chosen?.proposal_id);
  });

  it('where no file was ever seen: the defaults, a live run, no error', async () => {
    const asker = await stand().ask(() => []);
    const opening = await stand().open(asker);
    expect(opening).toMatchObject({ dry_run: false, preferences_applied: false, errors: [] });
    expect(opening.preferences.max_proposals_per_run).toBe(3);
  });

  it('where the file is gone after it was read once: a dry run that says so', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.writePreferences(asker.owner, { confidence_threshold: 0.9 });
    await world.open(asker);
    await world.removePreferences(asker.owner);
    const opening = await world.open(asker);
    expect(opening).toMatchObject({ dry_run: true, preferences_applied: false });
    expect(opening.errors).toEqual([
      expect.stringMatching(
        /^Your preferences cannot be used, so nothing is cast: .* was there before and is gone\. Put it back/,
      ),
    ]);
  });

  it.for([
    ['is not JSON', '{"confidence_threshold": 0.9', /is not JSON/],
    [
      'has a misspelt field',
      { confidence_treshold: 0.9 },
      /user_preferences\.txt:1:2: confidence_treshold is not a known field/,
    ],
    ['has a value out of range', { max_proposals_per_run: 99 }, /max_proposals_per_run/],
    ['has no address', { blacklisted_proposers: ['0x12'] }, /blacklisted_proposers/],
    ['is empty', '', /is not JSON/],
    ['is a list', '[]', /must be an object/],
  ] as const)('where the file %s: a dry run that says what to mend', async ([, content, words]) => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    await world.writePreferences(asker.owner, content);
    const opening = await world.open(asker);
    expect(opening).toMatchObject({ dry_run: true, preferences_applied: false });
    expect(opening.errors).toEqual([expect.stringMatching(words)]);
    expect(opening.errors[0]).toMatch(/^Your preferences cannot be used, so nothing is cast: /);
  });

  it('where the file is broken: by the defaults, never by the last good copy', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space), inWorld(space)]);
    await world.writePreferences(asker.owner, { max_proposals_per_run: 1, voting_strategy: 'aggressive' });
    expect((await world.open(asker)).selected).toHaveLength(1);
    await world.writePreferences(asker.owner, '{');
    const opening = await world.open(asker);
    expect(opening).toMatchObject({ dry_run: true, preferences: preferences(), selected: [{}, {}] });
  });

  it('where there is no signer: a dry run that says so and asks for no power', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const opening = await world.open({ ...asker, owner: anOwner() });
    expect(opening).toMatchObject({ dry_run: true, voter: null });
    expect(opening.errors).toEqual([
      expect.stringMatching(/^No signer is set up for owner-.*, so this is a dry run\.$/),
    ]);
    expect(opening.selected).toMatchObject([{ voting_power: null }]);
    expect(world.powersAsked(asker.voter)).toEqual([]);
  });

  it('where the signer may not vote in the space: a dry run that says so', async () => {
    const world = stand();
    const asker = await world.ask((space) => [inWorld(space)]);
    const allowed: SignerAnnouncement = {
      voter: asker.voter,
      kind: 'own_key',
      allowed_spaces: [aSpace('other.eth')],
    };
    await world.records.announceSigner(asker.owner, allowed);
    const opening = await world.open(asker);
    expect(opening).toMatchObject({ dry_run: true, voter: null });
    expect(opening.errors).toEqual([expect.stringContaining(`may not vote in ${asker.space}, so this is a dry run.`)]);
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
