/**
 * Which of the ranked proposals a run decides: the first, up to the limit, on which the voter has power and whose text, read
 * again, still passes. Asked in waves as wide as the places that are left, so that nothing is asked about what is not needed. A
 * question that is slow is not waited for beside the others, and where an answer comes too late its proposal is left for a later run.
 *
 * The texts of the first wave are asked for beside its powers: the voter has some on nearly all of it, and the run waits for one trip
 * less. Those of a later wave, which comes where there was none on some, are asked for once that is known.
 */
import type { ReadProposal } from '@quorum/snapshot/hub';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { drop, type Dropped, type DroppedAs } from './filter.ts';
import type { Listed } from './listing.ts';
import { LATE, type Power } from './power.ts';
import { isAble, openQuestions, type AskPower, type Patience } from './power-questions.ts';

type Texts = ReadonlyMap<ProposalId, ReadProposal>;

export type ChooseDeps = {
  readonly limit: number;
  readonly power: AskPower;
  readonly patience?: Patience | undefined;
  readonly signal: AbortSignal;
  /** The texts of these proposals; what is gone is not there. */
  readonly texts: (ids: readonly ProposalId[], signal: AbortSignal) => Promise<Texts>;
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

/** The hub gives up on a question after half a minute; an attempt of a run has two, and the texts are to be read in them. */
const PATIENCE: Patience = { slowMs: 10_000, allMs: 45_000 };

/** Chooses among proposals in their turn. Throws what `power` and `texts` throw. */
export async function choose(inTurn: readonly Listed[], deps: ChooseDeps): Promise<Chosen> {
  const { limit, power, patience = PATIENCE, signal } = deps;
  const selected: { proposal: Proposal; votingPower: number | null }[] = [];
  const unchecked: Unchecked[] = [];
  const dropped = new Map<DroppedAs, Listed[]>();
  const able: { proposal: Listed; votingPower: number | null }[] = [];
  const leave = (proposal: Listed, why: string): void => {
    unchecked.push({ proposal, why });
    drop(dropped, 'check_failed', [proposal]);
  };
  const sort = (proposal: Listed, answer: Power): void => {
    if (answer.kind === 'unknown') leave(proposal, answer.why);
    else if (isAble(answer)) able.push({ proposal, votingPower: answer.value });
    else drop(dropped, 'no_voting_power', [proposal]);
  };

  using questions = openQuestions(power, patience, signal);
  let next = 0;
  /** Of the first wave, and as old as the slowest of its powers: that is soon, or they are read anew. */
  let early: Promise<Texts> | null = null;
  while (selected.length < limit) {
    const places = limit - selected.length;
    for (const { proposal, power: answer } of questions.answered()) sort(proposal, answer);
    if (able.length > 0) {
      await take(able.splice(0, places), early);
      early = null;
      continue;
    }
    if (unchecked.length >= UNCHECKED_MOST || questions.isOver()) break;
    // What is slow takes no place, and the more of it there is, the more are asked: or a few that hang would hold up the rest for long.
    // All together no more than one run may leave unchecked: the hub is everybody's.
    const waiting = questions.waiting().length;
    const room = Math.max(0, UNCHECKED_MOST - unchecked.length - waiting);
    const wave = inTurn.slice(next, next + Math.min(places + waiting, room));
    next += wave.length;
    questions.ask(wave);
    if (questions.waiting().length === 0) break;
    early = next === wave.length ? textsOf(wave, questions.beside) : null;
    await questions.wait(wave, places);
    // Where a power is slow they may be old by now: those of what is taken are read anew.
    if (questions.waiting().length > 0) early = null;
  }
  signal.throwIfAborted();

  // What came in while the last texts were read.
  for (const { proposal, power: answer } of questions.answered()) sort(proposal, answer);
  const late = questions.waiting();
  if (selected.length < limit) for (const proposal of late) leave(proposal, LATE);
  const isFull = selected.length === limit;
  const behind = new Set(isFull ? [...late, ...able.map(({ proposal }) => proposal)] : []);
  const beyond = inTurn.filter((proposal, at) => at >= next || behind.has(proposal));
  if (beyond.length > 0) drop(dropped, 'beyond_limit', beyond);
  return { selected, beyond, unchecked, dropped };

  function textsOf(proposals: readonly Listed[], until: AbortSignal): Promise<Texts> {
    const ids = proposals.map(({ id }) => id);
    const texts = deps.texts(ids, until);
    // Where none of them is able, nobody needs to know.
    texts.catch(() => undefined);
    return texts;
  }

  async function take(some: typeof able, read: Promise<Texts> | null): Promise<void> {
    const ofSome = some.map(({ proposal }) => proposal);
    const texts = await (read ?? textsOf(ofSome, signal));
    for (const { proposal, votingPower } of some) {
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
}
