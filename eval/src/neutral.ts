/**
 * Whether the order in which choices are shown decides: of neutral proposals, how often the proposal's own first choice comes out
 * in front. A model that always takes what it is shown first gets chance, since each answer is shown another order.
 */
import { asProposal, type NeutralProposal } from './corpus.ts';
import { favours } from './ballots.ts';
import type { RunOptions } from './corpus-run.ts';
import { mapSome } from './in-turns.ts';
import type { FirstOptionReport } from './report.ts';
import { rateOf } from './statistics.ts';

const NO_LEANING = { voting_strategy: 'balanced' } as const;
/** With 24 proposals and three answers each: what chance does to the share is then about one point. */
const ROUNDS = 20;

export async function measureFirstOption(
  neutral: readonly NeutralProposal[],
  { decider, atOnce }: RunOptions,
): Promise<FirstOptionReport> {
  // Another id is another question, and so another order.
  const texts = Array.from({ length: ROUNDS }, (_, round) => neutral.map((text) => ({ text, round }))).flat();
  const answered = await mapSome(texts, atOnce, async ({ text, round }) => {
    const { ballots } = await decider(asProposal(text, `${text.id}/${round}`), NO_LEANING);
    return { chance: (1 / text.choices.length) * ballots.length, ballots };
  });
  const ballots = answered.flatMap((each) => each.ballots);
  return {
    proposals: texts.length,
    answers: ballots.length,
    first_option_share: rateOf(ballots.filter((ballot) => favours(ballot, 1)).length, ballots.length),
    chance: rateOf(
      answered.reduce((sum, { chance }) => sum + chance, 0),
      ballots.length,
    ),
  };
}
