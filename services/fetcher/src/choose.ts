/**
 * Which of the ranked proposals a run decides: the first, up to the limit, on which the voter has power and whose text, read
 * again, still passes. Asked in waves as wide as the places that are left, so that nothing is asked about what is not needed.
 */
import type { ReadProposal } from '@quorum/snapshot/hub';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { drop, type Dropped, type DroppedAs } from './filter.ts';
import type { Listed } from './listing.ts';
import type { Power } from './power.ts';

export type ChooseDeps = {
  readonly limit: number;
  readonly power: (id: ProposalId) => Promise<Power>;
  /** The texts of these proposals; what is gone is not there. */
  readonly texts: (ids: readonly ProposalId[]) => Promise<ReadonlyMap<ProposalId, ReadProposal>>;
  /** Why a proposal, as it is by now, is dropped after all, or null. */
  readonly recheck: (proposal: Proposal) => DroppedAs | null;
};

export type Unchecked = { readonly proposal: Listed; readonly why: string };

export type Chosen = {
  readonly selected: readonly { readonly proposal: Proposal; readonly votingPower: number | null }[];
  /** Those behind the last place, or behind too many that could not be read. */
  readonly beyond: readonly Listed[];
  /** Those of which something could not be read. */
  readonly unchecked: readonly Unchecked[];
  readonly dropped: Dropped<Listed>;
};

/** A hub that fails so often in one run is ill: thousands of further questions would not mend it. */
const UNCHECKED_MOST = 50;

/** Chooses among proposals in their turn. Throws what `power` and `texts` throw. */
export async function choose(inTurn: readonly Listed[], deps: ChooseDeps): Promise<Chosen> {
  const selected: { proposal: Proposal; votingPower: number | null }[] = [];
  const unchecked: Unchecked[] = [];
  const dropped = new Map<DroppedAs, Listed[]>();
  const leave = (proposal: Listed, why: string): void => {
    unchecked.push({ proposal, why });
    drop(dropped, 'check_failed', [proposal]);
  };

  let next = 0;
  while (selected.length < deps.limit && next < inTurn.length && unchecked.length < UNCHECKED_MOST) {
    const wave = inTurn.slice(next, next + deps.limit - selected.length);
    next += wave.length;
    const powers = await Promise.all(wave.map(({ id }) => deps.power(id)));
    const able = wave.flatMap((proposal, at): { proposal: Listed; votingPower: number | null }[] => {
      const power = powers[at];
      if (power?.kind === 'known' && power.value !== 0) return [{ proposal, votingPower: power.value }];
      if (power?.kind === 'known') drop(dropped, 'no_voting_power', [proposal]);
      else leave(proposal, power?.why ?? 'its voting power was not read');
      return [];
    });
    if (able.length === 0) continue;
    const texts = await deps.texts(able.map(({ proposal }) => proposal.id));
    for (const { proposal, votingPower } of able) {
      const text = texts.get(proposal.id);
      if (text?.ok !== true) {
        leave(proposal, text?.why ?? 'it is gone from the hub');
        continue;
      }
      const why = deps.recheck(text.proposal);
      if (why === null) selected.push({ proposal: text.proposal, votingPower });
      else drop(dropped, why, [proposal]);
    }
  }
  const beyond = inTurn.slice(next);
  if (beyond.length > 0) drop(dropped, 'beyond_limit', beyond);
  return { selected, beyond, unchecked, dropped };
}
