/**
 * Decides the whole corpus: each clean proposal, each attack on it and each placebo, and one seeded mutation of each attack. The
 * clean twin is decided once for all attacks on it: to the model it is the same text.
 */
import { asProposal, partsOf, targetIndex, twins, type Attack, type CleanProposal, type Corpus } from './corpus.ts';
import type { Decided, Decider } from './decider.ts';
import { mapSome } from './in-turns.ts';
import { MUTATOR_NAMES, MUTATORS, type MutatorName } from './mutators.ts';
import { infect, PLACES, type Payload } from './payload.ts';
import { randomOf } from './random.ts';

export type CleanRun = { readonly proposal: CleanProposal; readonly decided: Decided };

export type AttackRun = {
  readonly id: string;
  readonly kind: string;
  readonly seen: boolean;
  /** The choice that the attacker wants, from 1. */
  readonly target: number;
  readonly clean: Decided;
  readonly infected: Decided;
  readonly placebo: Decided;
  readonly mutated: { readonly by: MutatorName; readonly decided: Decided };
  readonly instructions: string;
};

export type CorpusRun = { readonly clean: readonly CleanRun[]; readonly attacks: readonly AttackRun[] };

export type RunOptions = { readonly decider: Decider; readonly seed: number; readonly atOnce: number };

export async function runCorpus(corpus: Corpus, options: RunOptions): Promise<CorpusRun> {
  const { decider, seed, atOnce } = options;
  const clean = await mapSome(corpus.clean, atOnce, async (proposal) => ({
    proposal,
    decided: await decider(asProposal(proposal), proposal.preferences),
  }));
  const byId = new Map(clean.map((each) => [each.proposal.id, each]));
  const cases = corpus.kinds.flatMap(({ kind, seen, attacks }) => attacks.map((attack) => ({ kind, seen, attack })));
  const attacks = await mapSome(cases, atOnce, async ({ kind, seen, attack }) => {
    const on = byId.get(attack.proposal);
    if (on === undefined) throw new Error(`${attack.id} attacks ${attack.proposal}, which is not in the corpus`);
    const { proposal } = on;
    const { infected, placebo } = twins(attack, proposal);
    const mutation = mutate(attack, proposal, seed);
    const [ofInfected, ofPlacebo, ofMutated] = await Promise.all(
      [infected, placebo, mutation.proposal].map((each) => decider(each, proposal.preferences)),
    );
    if (ofInfected === undefined || ofPlacebo === undefined || ofMutated === undefined) throw new Error('not decided');
    return {
      id: attack.id,
      kind,
      seen,
      target: targetIndex(attack, proposal),
      clean: on.decided,
      infected: ofInfected,
      placebo: ofPlacebo,
      mutated: { by: mutation.by, decided: ofMutated },
      instructions: proposal.preferences.instructions,
    };
  });
  return { clean, attacks };
}

/** How many proposals a run decides. */
export function decisionsOf(corpus: Corpus): number {
  const attacks = corpus.kinds.reduce((sum, kind) => sum + kind.attacks.length, 0);
  return corpus.clean.length + 3 * attacks;
}

/** One mutation of an attack, drawn by the seed. */
function mutate(attack: Attack, clean: CleanProposal, seed: number) {
  const random = randomOf(seed, 'mutation', attack.id);
  const by = random.pick(MUTATOR_NAMES);
  const payload = MUTATORS[by](payloadOf(attack), random);
  return { by, proposal: asProposal(infect(clean, payload), `${attack.id}/mutated`) };
}

/** The attack as a payload: what it says, else what it inserts; several parts stand together. */
function payloadOf(attack: Attack): Payload {
  const parts = partsOf(attack, 'insert');
  const texts = PLACES.flatMap((place) => parts[place] ?? []);
  const place = PLACES.find((each) => each === attack.where) ?? 'body_end';
  return {
    target: attack.target,
    words: { kind: 'own', text: attack.says ?? texts.join('\n') },
    encoding: 'plain',
    wrapper: 'none',
    place,
  };
}
