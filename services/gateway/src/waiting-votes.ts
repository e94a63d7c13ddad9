/**
 * What a proposal waits for that was decided and not voted on, and until when there is time for it. Where a run is open, that is the
 * vote. A hold waits for more:
 *
 *   the owner is to be asked                         → the owner
 *   approved, or held while voting was paused        → the vote, which is made without another word
 *   the same, and no votes are sent for its owner    → resumption
 */
import { type Hold, isToBeCast } from '@quorum/shared/hold';
import type { HoldAhead } from '@quorum/shared/hold-records';
import type { Records, RunRecord } from '@quorum/shared/records';
import { readVoting, readVotingOfAll } from '@quorum/shared/voting';
import type { Redis } from 'ioredis';

const SECOND_MS = 1_000;

export const WAITS_FOR = ['vote', 'owner', 'resumption'] as const;
type WaitsFor = (typeof WAITS_FOR)[number];

/** When each of them ends, Unix milliseconds. */
export type Ends = { readonly [what in WaitsFor]?: readonly number[] };

/** The ends of the proposals of a live run that were decided and have no outcome yet. */
export function endsOfRun({ opening, dryRun, decisions, outcomes }: RunRecord): number[] {
  if (opening === null || dryRun || opening.dry_run) return [];
  return opening.selected
    .filter(({ proposal_id: id }) => decisions.get(id)?.kind === 'decided' && !outcomes.has(id))
    .map(({ end }) => end * SECOND_MS);
}

/** The deadlines of open holds. */
export async function endsOfHolds(
  holds: readonly HoldAhead[],
  { records, redis }: { readonly records: Pick<Records, 'hold'>; readonly redis: Redis },
): Promise<Ends> {
  const endsOf = (some: readonly Pick<Hold, 'deadlineMs'>[]): number[] => some.map(({ deadlineMs }) => deadlineMs);
  const toBeCast = holds.filter(isToBeCast);
  const owner = endsOf(holds.filter((hold) => !isToBeCast(hold)));
  if (toBeCast.length === 0) return { owner };
  if (!(await readVotingOfAll(redis))) return { owner, resumption: endsOf(toBeCast) };
  // What cannot be read, or is gone by now, is the watchdog's to tell of.
  const read = await Promise.allSettled(toBeCast.map(({ id }) => records.hold(id)));
  const found = read.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [one.value] : []));
  const owners = [...new Set(found.map(({ subject }) => subject.owner))];
  const voting = await Promise.all(owners.map(async (one) => (await readVoting(redis, one)).owner));
  const isSent = ({ subject }: Hold): boolean => voting[owners.indexOf(subject.owner)] === true;
  return {
    owner,
    vote: endsOf(found.filter(isSent)),
    resumption: endsOf(found.filter((hold) => !isSent(hold))),
  };
}
