import { createMetrics } from '@quorum/shared/metrics';
import { expect, test } from 'vitest';
import { samplesOf } from '../../../test/scraped.ts';
import { DAY_S, nowS, useStand, type VoteCase } from '../test/stand.ts';
import { announceAliasEnds, announceSigners } from './announce.ts';
import { createSealer } from './seal.ts';
import { measureVoter } from './voter-metrics.ts';

const stand = useStand();
const never = new AbortController().signal;

/** What the voter service of this case says now, by name. */
async function measured({ deps }: VoteCase): Promise<ReadonlyMap<string, number>> {
  const metrics = createMetrics('voter');
  measureVoter({ ...deps, metrics });
  return new Map(samplesOf([await metrics.registry.metrics()]).map(({ name, value }) => [name, value]));
}

test('the time that is left of an alias, once the hub has named its end', async () => {
  const vote = await stand.aVote({ aliasCreated: nowS() - 3 * DAY_S });
  await announceSigners(vote.deps.licences, vote.deps);
  const before = await measured(vote);
  expect(before.get('quorum_alias_time_left_seconds')).toBeNaN();
  expect(before.get('quorum_aliases_unknown')).toBe(1);
  await announceAliasEnds(vote.deps.licences, vote.deps, never);
  const after = await measured(vote);
  expect(after.get('quorum_alias_time_left_seconds')).toBeGreaterThan(26.9 * DAY_S);
  expect(after.get('quorum_alias_time_left_seconds')).toBeLessThanOrEqual(27 * DAY_S);
  expect(after.get('quorum_aliases_unknown')).toBe(0);
});

test('an own key has no alias that could end', async () => {
  const now = await measured(await stand.aVote({ kind: 'own_key' }));
  expect(now.get('quorum_alias_time_left_seconds')).toBeNaN();
  expect(now.get('quorum_aliases_unknown')).toBe(0);
});

test('the length of the audit chain, what waits to be sealed, and since when', async () => {
  const vote = await stand.aVote();
  const empty = await measured(vote);
  expect([empty.get('quorum_audit_records'), empty.get('quorum_audit_unsealed_entries')]).toEqual([0, 0]);
  expect(empty.get('quorum_audit_seal_age_seconds')).toBeNaN();
  expect(empty.get('quorum_audit_oldest_unsealed_seconds')).toBe(0);

  await vote.vote();
  const waiting = await measured({ ...vote, deps: { ...vote.deps, now: () => Date.now() + 60_000 } });
  const entries = waiting.get('quorum_audit_unsealed_entries') ?? 0;
  expect(entries).toBeGreaterThan(0);
  expect(waiting.get('quorum_audit_oldest_unsealed_seconds')).toBeGreaterThanOrEqual(60);

  await createSealer([vote.voter], vote.deps)(never);
  const sealed = await measured(vote);
  expect([sealed.get('quorum_audit_records'), sealed.get('quorum_audit_unsealed_entries')]).toEqual([entries, 0]);
  expect(sealed.get('quorum_audit_seal_age_seconds')).toBeLessThan(60);
});
