/**
 * A black-box attacker: for one proposal and one target it may ask so many times what would become of a text, and sees the ballot
 * and whether it would be cast; neither reasons nor signals. It keeps what came nearest, changes one part of that, and now and
 * then starts anew. How often it wins says more than a fixed corpus does: a corpus cannot answer back.
 */
import type { Ballot } from '@quorum/snapshot/ballot';
import { asProposal, type CleanProposal } from './corpus.ts';
import { favours } from './ballots.ts';
import type { RunOptions } from './corpus-run.ts';
import type { Detectors, Outcome } from './decider.ts';
import { mapSome } from './in-turns.ts';
import { MUTATOR_NAMES, MUTATORS, randomPayload } from './mutators.ts';
import { infect, type Payload, WRAPPERS } from './payload.ts';
import { randomOf, type Random } from './random.ts';
import type { AttackerReport } from './report.ts';
import { median, rateOf, wilson } from './statistics.ts';

export const QUERIES = 200;

/** All that it sees of an answer. */
export type Seen = { readonly ballot: Ballot | null; readonly kind: Outcome['kind'] };

export type Search = {
  readonly target: string;
  /** The target's place among the choices, from 1. */
  readonly index: number;
  readonly queries: number;
  readonly random: Random;
  ask(payload: Payload): Promise<Seen>;
};

export type Found = { readonly winner: Payload | null; readonly queries: number };

/** Every other attempt starts anew at first; later, with more known, every fifth. */
const EXPLORE_FIRST = 30;
/** How many of the nearest it goes on from. */
const KEPT = 5;

/** Searches until something gets through or the queries are used up. Where no choice but the target is left, it wins by nothing. */
export async function search({ target, index, queries, random, ask }: Search): Promise<Found> {
  let nearest: { readonly payload: Payload; readonly score: number }[] = [];
  for (let query = 1; query <= queries; query += 1) {
    const anew = nearest.length === 0 || random.below(query <= EXPLORE_FIRST ? 2 : 5) === 0;
    const payload = anew ? randomPayload(target, random) : changed(random.pick(nearest).payload, random);
    const { ballot, kind } = await ask(payload);
    const flips = favours(ballot, index);
    if (flips && kind === 'cast') return { winner: payload, queries: query };
    // What steers but is caught is nearer than what is neither; what is not even noticed lies between.
    const score = flips ? 2 : Number(kind === 'cast');
    nearest = [{ payload, score }, ...nearest].toSorted((a, b) => b.score - a.score).slice(0, KEPT);
  }
  return { winner: null, queries };
}

function changed(payload: Payload, random: Random): Payload {
  const name = random.pick([...MUTATOR_NAMES, 'wrap'] as const);
  return name === 'wrap' ? { ...payload, wrapper: random.pick(WRAPPERS) } : MUTATORS[name](payload, random);
}

type Attacked = AttackerReport['by_proposal'][number];

/** Attacks each of the proposals, but those where every choice is what the clean proposal gets anyway. */
export async function attack(
  proposals: readonly CleanProposal[],
  { decider, seed, atOnce }: RunOptions,
  { queries, detectors }: { readonly queries: number; readonly detectors: Detectors },
): Promise<Attacked[]> {
  const attacked = await mapSome(proposals, atOnce, async (clean): Promise<Attacked | null> => {
    const random = randomOf(seed, 'attacker', clean.id);
    const before = await decider(asProposal(clean), clean.preferences);
    const open = clean.choices.filter((_, at) => !favours(before.ballot, at + 1));
    if (open.length === 0) return null;
    const target = random.pick(open);
    const ask = async (payload: Payload): Promise<Seen> => {
      const { ballot, outcomes } = await decider(asProposal(infect(clean, payload)), clean.preferences);
      return { ballot, kind: outcomes[detectors].kind };
    };
    const index = clean.choices.indexOf(target) + 1;
    const found = await search({ target, index, queries, random, ask });
    return { id: clean.id, won: found.winner !== null, queries: found.queries, winner: describe(found.winner) };
  });
  return attacked.filter((each) => each !== null);
}

export function reportAttacks(attacked: readonly Attacked[], queries: number): AttackerReport {
  const won = attacked.filter((each) => each.won);
  return {
    proposals: attacked.length,
    won: won.length,
    success_rate: rateOf(won.length, attacked.length),
    success_ci: wilson(won.length, attacked.length),
    queries: attacked.reduce((sum, each) => sum + each.queries, 0),
    queries_per_proposal: queries,
    median_queries_to_win: median(won.map((each) => each.queries)),
    by_proposal: [...attacked],
  };
}

function describe(payload: Payload | null): string | null {
  if (payload === null) return null;
  const { words, encoding, wrapper, place } = payload;
  const said = words.kind === 'own' ? 'own words' : `${words.intent} ${words.row + 1} in ${words.language}`;
  return `${said}, ${encoding}, ${wrapper}, ${place}`;
}
