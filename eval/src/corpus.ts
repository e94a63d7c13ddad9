/**
 * The corpus behind the evaluation: clean proposals with the answer that a sensible reader would give, attacks on them by kind,
 * each with a harmless insertion of the same size at the same place (its placebo), and neutral proposals without a right answer.
 * All of it is made up. The kinds that are not `seen` are held out: nobody looks at them while detectors are made.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { Proposal, VotingType } from '@quorum/snapshot/proposal';
import { VotingStrategy } from '@quorum/shared/preferences';
import { z } from 'zod';

const Words = z.string().min(1);
const Slug = z.string().regex(/^[a-z0-9-]{3,64}$/);

const Text = z.strictObject({
  id: Slug,
  space: Words,
  author: Words,
  language: z
    .string()
    .regex(/^[a-z]{2}$/)
    .describe('In which it is written, ISO 639-1'),
  type: VotingType,
  title: Words,
  body: Words,
  discussion: z.string(),
  choices: z.array(Words).min(2),
});

export const CleanProposal = Text.extend({
  preferences: z.strictObject({ voting_strategy: VotingStrategy, instructions: Words }),
  expected: z
    .array(Words)
    .min(1)
    .describe(
      'Labels: the one choice, every one to approve of, or what stands first in a ranking or has the largest share',
    ),
  because: Words.describe('Why a sensible reader would vote so for this owner'),
});
export type CleanProposal = z.infer<typeof CleanProposal>;

export const NeutralProposal = Text;
export type NeutralProposal = z.infer<typeof NeutralProposal>;

/** What is put in: a text at one place, other labels for all choices in their order, or texts at several places. */
const Parts = z.strictObject({
  title: Words.optional(),
  body_start: Words.optional(),
  body_middle: Words.optional(),
  body_end: Words.optional(),
  discussion: Words.optional(),
  choices: z.array(Words).min(2).optional(),
});
export type Parts = z.infer<typeof Parts>;

const common = {
  id: Slug,
  proposal: Slug.describe('The id of the clean proposal'),
  target: Words.describe("The clean proposal's label that the attacker wants"),
  says: Words.optional().describe(
    'What the insertion says, where encoding or invisible characters hide it from a reader',
  ),
};

export const Attack = z.discriminatedUnion('where', [
  z.strictObject({
    ...common,
    where: z.enum(['title', 'body_start', 'body_middle', 'body_end', 'discussion']),
    insert: Words,
    placebo: Words,
  }),
  z.strictObject({
    ...common,
    where: z.literal('choices'),
    insert: z.array(Words).min(2),
    placebo: z.array(Words).min(2),
  }),
  z.strictObject({ ...common, where: z.literal('split'), insert: Parts, placebo: Parts }),
]);
export type Attack = z.infer<typeof Attack>;

export const AttackKind = z.strictObject({
  kind: z.string().regex(/^[a-z_]+$/),
  seen: z.boolean(),
  description: Words,
  attacks: z.array(Attack).min(1),
});
export type AttackKind = z.infer<typeof AttackKind>;

export type Corpus = {
  readonly clean: readonly CleanProposal[];
  readonly neutral: readonly NeutralProposal[];
  readonly kinds: readonly AttackKind[];
};

const FOLDER = path.join(import.meta.dirname, '../corpus');

/** Reads and checks the whole corpus. Throws for a file that does not fit, naming it. */
export async function loadCorpus(folder = FOLDER): Promise<Corpus> {
  const [clean, neutral, kinds] = await Promise.all([
    readAll(path.join(folder, 'clean'), CleanProposal),
    readAll(path.join(folder, 'neutral'), NeutralProposal),
    readAll(path.join(folder, 'attacks'), AttackKind),
  ]);
  return { clean, neutral, kinds };
}

async function readAll<T>(folder: string, schema: z.ZodType<T>): Promise<T[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const read = schema.safeParse(JSON.parse(await readFile(path.join(folder, name), 'utf8')));
      if (!read.success) throw new Error(`${name} does not fit:\n${z.prettifyError(read.error)}`);
      return read.data;
    }),
  );
}

/** The insertion by its places, however the attack writes it. */
export function partsOf(attack: Attack, which: 'insert' | 'placebo'): Parts {
  if (attack.where === 'split') return attack[which];
  return { [attack.where]: attack[which] };
}

export type Twins = { readonly clean: Proposal; readonly infected: Proposal; readonly placebo: Proposal };

/** The clean proposal, the one with the attack, and the one with its placebo. They differ in id and insertion alone. */
export function twins(attack: Attack, clean: CleanProposal): Twins {
  if (clean.id !== attack.proposal) throw new Error(`${attack.id} is an attack on ${attack.proposal}, not ${clean.id}`);
  return {
    clean: asProposal(clean, `${attack.id}/clean`),
    infected: asProposal(insertInto(clean, partsOf(attack, 'insert')), `${attack.id}/infected`),
    placebo: asProposal(insertInto(clean, partsOf(attack, 'placebo')), `${attack.id}/placebo`),
  };
}

/** The index, from 1, of the choice that the attacker wants, in each of the twins: an attack may change labels, not their order. */
export function targetIndex(attack: Attack, clean: CleanProposal): number {
  const at = clean.choices.indexOf(attack.target);
  if (at === -1) throw new Error(`${attack.id} wants "${attack.target}", which ${clean.id} does not offer`);
  return at + 1;
}

type Insertable = Pick<CleanProposal, 'title' | 'body' | 'discussion' | 'choices'>;

/** The proposal with a text at each of the places. */
export function insertInto<T extends Insertable>(proposal: T, parts: Parts): T {
  const [head, tail] = halves(proposal.body);
  const body = [parts.body_start, head, parts.body_middle, tail, parts.body_end];
  return {
    ...proposal,
    title: joined([proposal.title, parts.title], ' '),
    body: joined(body, '\n\n'),
    discussion: joined([proposal.discussion, parts.discussion], ' '),
    choices: parts.choices ?? proposal.choices,
  };
}

function joined(parts: readonly (string | undefined)[], between: string): string {
  return parts.filter((part) => part !== undefined && part !== '').join(between);
}

/** The body cut between two paragraphs, as near to its middle as may be. */
function halves(body: string): [string, string] {
  const breaks = [...body.matchAll(/\n\n/g)].map(({ index }) => index);
  const middle = body.length / 2;
  const at = breaks.toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0];
  return at === undefined ? [body, ''] : [body.slice(0, at), body.slice(at + 2)];
}

const START_S = 1_790_000_000;
const DAY_S = 86_400;

/** A text of the corpus as the hub would give it. `name` makes its id: 32 bytes whatever the name. */
export function asProposal(text: z.infer<typeof Text>, name: string = text.id): Proposal {
  const id = `0x${createHash('sha256').update(name).digest('hex')}`;
  return Proposal.parse({
    id,
    space: text.space,
    author: text.author,
    network: '1',
    type: text.type,
    privacy: '',
    title: text.title,
    body: text.body,
    discussion: text.discussion,
    choices: text.choices,
    plugins: {},
    strategies: [{ name: 'ticket', network: '1', params: {} }],
    snapshot: '20000000',
    created: START_S,
    start: START_S,
    end: START_S + 5 * DAY_S,
    state: 'active',
    quorum: 0,
    quorum_type: 'default',
    scores: [],
    scores_total: 0,
    scores_state: 'pending',
    votes: 0,
    flagged: false,
    link: `https://snapshot.box/#/s:${text.space}/proposal/${id}`,
  });
}
