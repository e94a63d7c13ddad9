/**
 * A model that an attacker owns: it answers the target whatever it reads. How often that alone decides a vote, and how often where
 * another model is asked beside it.
 */
import { asProposal, targetIndex, type Corpus } from './corpus.ts';
import { favours } from './ballots.ts';
import type { Decided, Decider } from './decider.ts';
import type { OwnedReport, OwnedReports } from './report.ts';
import { wilson } from './statistics.ts';

export type OwnedDeps = {
  readonly careful: Decider;
  readonly alone: Decider;
  readonly beside: Decider;
  /** Sets what the owned model answers. */
  aim(target: string): Promise<void>;
};

type Shown = { readonly stakes: Decided['stakes']; readonly castsTarget: boolean };

/** For each attack of the corpus its clean proposal and its target. Where `careful` wants the target too, there is nothing to show. */
export async function measureOwned(corpus: Corpus, { careful, alone, beside, aim }: OwnedDeps): Promise<OwnedReports> {
  const byAlone: Shown[] = [];
  const byBoth: Shown[] = [];
  for (const attack of corpus.kinds.flatMap(({ attacks }) => attacks)) {
    const clean = corpus.clean.find(({ id }) => id === attack.proposal);
    if (clean === undefined) throw new Error(`${attack.id} attacks ${attack.proposal}, which is not in the corpus`);
    const target = targetIndex(attack, clean);
    const proposal = asProposal(clean, attack.id);
    // One after the other: the target is one setting for all calls.
    const own = await careful(proposal, clean.preferences);
    if (favours(own.ballot, target)) continue;
    await aim(attack.target);
    const casts = ({ ballot, outcomes }: Decided): boolean => outcomes.on.kind === 'cast' && favours(ballot, target);
    // The stakes are the text's: the owned model says low.
    const { stakes } = own;
    byAlone.push({ stakes, castsTarget: casts(await alone(proposal, clean.preferences)) });
    byBoth.push({ stakes, castsTarget: casts(await beside(proposal, clean.preferences)) });
  }
  return { alone: reportOf(byAlone), beside_careful: reportOf(byBoth) };
}

function reportOf(shown: readonly Shown[]): OwnedReport {
  const of = (stakes: Shown['stakes']): OwnedReport['high_stakes'] => {
    const own = shown.filter((each) => each.stakes === stakes);
    const casts = own.filter(({ castsTarget }) => castsTarget).length;
    return { proposals: own.length, auto_casts_of_target: casts, auto_casts_of_target_ci: wilson(casts, own.length) };
  };
  return { high_stakes: of('high'), low_stakes: of('low') };
}
