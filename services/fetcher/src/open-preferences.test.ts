/** What the preferences and the signer of an owner make of a run. */
import type { SignerAnnouncement } from '@quorum/shared/announcements';
import { preferencesVersion } from '@quorum/shared/preferences';
import { describe, expect, it } from 'vitest';
import { anOwner, aSpace, preferences } from '../../../packages/shared/test/samples.ts';
import { useOpening } from '../test/opening.ts';
import { inWorld } from '../test/samples.ts';

const stand = useOpening();

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
