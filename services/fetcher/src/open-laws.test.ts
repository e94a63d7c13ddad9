/** Laws of the opening of a run: of any world, what is taken up, left out and counted. */
import type { World } from '@quorum/sandbox/world';
import { preferencesVersion } from '@quorum/shared/preferences';
import { contentHash } from '@quorum/snapshot/content-hash';
import { type Proposal, ProposalId, type SpaceId } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anAddress, aProposalId, aSpace, preferences } from '../../../packages/shared/test/samples.ts';
import { allActive } from '../../../packages/snapshot/test/hub-answers.ts';
import { OPEN_ENDED, useOpening } from '../test/opening.ts';
import { aProposal, inWorld, NOW_MS, NOW_S, type WorldProposal } from '../test/samples.ts';
import { anyWorld, type Entry } from '../test/worlds.ts';
import { rank } from './rank.ts';

const stand = useOpening();

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
