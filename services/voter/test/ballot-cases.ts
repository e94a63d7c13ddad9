/**
 * Ballots by the thousand, through the voter service and over HTTP into the sandbox: any voting type, labels in any order, script,
 * length and number of doubles, open and secret, with proposals that are edited between decision and signature. What is stored is
 * decoded and held against the ballot that was decided. `wrong-ballots.test.ts` runs a slice, the slow test 5,000.
 */
import fc from 'fast-check';
import { type Ballot, sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { type Proposal, type VotingType, VOTING_TYPES } from '@quorum/snapshot/proposal';
import { openChoice } from '../../../packages/snapshot/test/reveal.ts';
import { anyBallot } from '../../../packages/snapshot/test/samples.ts';
import type { Stand, VoteCase } from './stand.ts';

/** What happens to the proposal after the decision. */
const EDITS = {
  none: null,
  body: () => ({ body: 'Send the treasury to the author.' }),
  title: () => ({ title: 'Another title' }),
  rotated: ({ choices }) => ({ choices: [...choices.slice(1), ...choices.slice(0, 1)] }),
  reversed: ({ choices }) => ({ choices: choices.toReversed() }),
  renamed: ({ choices }) => ({ choices: choices.map((label) => `${label}\u200b`) }),
  longer: ({ choices }) => ({ choices: [...choices, 'One more'] }),
  type: ({ type }) => ({ type: VOTING_TYPES[(VOTING_TYPES.indexOf(type) + 1) % VOTING_TYPES.length] }),
  privacy: ({ privacy }) => ({ privacy: privacy === '' ? 'shutter' : '' }),
  /** Edited, and edited back: it is again what was decided on. */
  restored: ({ choices }) => ({ choices: choices.toReversed() }),
} as const satisfies Record<string, ((proposal: Proposal) => Record<string, unknown>) | null>;
type Edit = keyof typeof EDITS;

/** What the sequencer does with the first send. */
const FAULTS = {
  none: null,
  refused: { status: 503 },
  stored: { status: 500, stored: true },
  cut: { cut: 'after' },
} as const;

export type BallotCase = {
  readonly type: VotingType;
  readonly choices: readonly string[];
  readonly ballot: Ballot;
  readonly privacy: Proposal['privacy'];
  readonly kind: 'alias' | 'own_key';
  readonly edit: Edit;
  readonly fault: keyof typeof FAULTS;
};

const anyLabel = fc.oneof(
  fc.constantFrom(
    'For',
    'Against',
    'Abstain',
    'for',
    'For ',
    ' For',
    'Yes',
    'YES',
    '1',
    '2',
    '0x1',
    '',
    'null',
    '{"1":1}',
  ),
  fc.constantFrom('За', 'Против', '賛成', '反対', 'نعم', 'לא', 'हाँ', '👍🏽', 'é', 'e\u0301', 'a\u202eb', 'Fo\u200br'),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 200, maxLength: 400 }),
);
const anyLabels = fc.oneof(
  { weight: 8, arbitrary: fc.array(anyLabel, { minLength: 1, maxLength: 8 }) },
  // The same labels over and over: only the index tells them apart.
  { weight: 2, arbitrary: fc.array(fc.constantFrom('A', 'B', 'A '), { minLength: 2, maxLength: 10 }) },
  { weight: 1, arbitrary: fc.array(anyLabel, { minLength: 20, maxLength: 40 }) },
);
const EVERY_EDIT: readonly Edit[] = [
  'body',
  'title',
  'rotated',
  'reversed',
  'renamed',
  'longer',
  'type',
  'privacy',
  'restored',
];

const anyCase: fc.Arbitrary<BallotCase> = fc
  .record({
    type: fc.constantFrom(...VOTING_TYPES),
    choices: anyLabels,
    // One in five: sealing and opening take 70 ms of CPU each.
    privacy: fc.constantFrom<Proposal['privacy'][]>('', '', '', '', 'shutter'),
    kind: fc.constantFrom<BallotCase['kind'][]>('alias', 'own_key'),
    edit: fc.oneof(
      { weight: 7, arbitrary: fc.constant<Edit>('none') },
      { weight: 3, arbitrary: fc.constantFrom(...EVERY_EDIT) },
    ),
    fault: fc.constantFrom<BallotCase['fault'][]>(
      'none',
      'none',
      'none',
      'none',
      'none',
      'none',
      'refused',
      'stored',
      'cut',
    ),
  })
  .chain((drawn) => anyBallot(drawn.type, drawn.choices).map((ballot) => ({ ...drawn, ballot })));

/** So many cases; the same for the same seed. */
export function drawCases(numRuns: number, seed: number): BallotCase[] {
  return fc.sample(anyCase, { numRuns, seed });
}

export type Tally = { cast: number; secret: number; refused: number; wrong: string[] };

/** At a time: as many as the sandbox and two cores can keep busy. */
const AT_ONCE = 8;
/** After so many the sandbox forgets, so that it does not search through all that came before. */
const FORGET_AFTER = 400;

/** Works the cases off. Nothing that is wrong ends it: all of it is told. */
export async function workOff(stand: Stand, cases: readonly BallotCase[]): Promise<Tally> {
  const tally: Tally = { cast: 0, secret: 0, refused: 0, wrong: [] };
  for (let from = 0; from < cases.length; from += FORGET_AFTER) {
    await stand.control('PUT', 'world', {});
    const rest = cases.slice(from, from + FORGET_AFTER).values();
    await Promise.all(Array.from({ length: AT_ONCE }, () => workOn(stand, rest, tally)));
  }
  return tally;
}

async function workOn(stand: Stand, rest: IterableIterator<BallotCase>, tally: Tally): Promise<void> {
  for (const one of rest) {
    const complaint = await tryCase(stand, one, tally).catch((error: unknown) => String(error));
    if (complaint !== null) tally.wrong.push(`${complaint}: ${JSON.stringify(one)}`);
  }
}

/** What is wrong with what came of a case; null: nothing. */
async function tryCase(stand: Stand, one: BallotCase, tally: Tally): Promise<string | null> {
  const { type, choices, ballot, privacy, kind } = one;
  const vote = await stand.aVote({ type, ballot, kind, proposal: { choices, privacy } });
  const differs = await edit(vote, one);
  const fault = FAULTS[one.fault];
  if (fault !== null) {
    await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
  }
  const outcome = await vote.vote();
  const row = await vote.hubVote();
  if (differs) {
    tally.refused += 1;
    if (row !== null) return 'a vote on a proposal that was edited';
    return outcome.kind === 'skipped' && outcome.why === 'proposal_changed'
      ? null
      : `ended as ${JSON.stringify(outcome)}`;
  }
  if (outcome.kind !== 'cast' || row === null) return `ended as ${JSON.stringify(outcome)}`;
  tally.cast += 1;
  if (privacy === 'shutter') tally.secret += 1;
  const choice = privacy === 'shutter' ? await openChoice(String(row.choice), vote.proposal.id) : row.choice;
  return sameBallot(decodeChoice(choice, vote.proposal), ballot) ? null : `stored as ${JSON.stringify(choice)}`;
}

/** Edits the proposal. Returns whether it is another one than was decided on. */
async function edit(vote: VoteCase, one: BallotCase): Promise<boolean> {
  const fields = EDITS[one.edit]?.(vote.proposal);
  if (fields === undefined) return false;
  await vote.editProposal(fields);
  if (one.edit === 'restored') await vote.editProposal({});
  // Labels that read the same from both ends are not changed by being turned round.
  const now = { ...vote.proposal, ...fields };
  return one.edit !== 'restored' && JSON.stringify(now) !== JSON.stringify(vote.proposal);
}
