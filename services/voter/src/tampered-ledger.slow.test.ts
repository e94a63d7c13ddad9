/**
 * Each field of a ledger entry is changed in Redis in turn, in each situation that an entry can be in, and then whatever comes next is
 * done. No wrong vote, no second one, nothing over the owner's; and the change is named by an outcome, a security event or the audit
 * chain, or is one of those below, which say why they do no harm: then the vote ends as if nobody had touched anything.
 */
import { LedgerEntry } from '@quorum/shared/ledger-entry';
import { keys } from '@quorum/shared/redis-keys';
import { sameBallot } from '@quorum/snapshot/ballot';
import { decodeChoice } from '@quorum/snapshot/encode';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { aHash } from '../../../packages/shared/test/samples.ts';
import { verdictOn } from '../test/audit.ts';
import { changesOf } from '../test/leaves.ts';
import { ballotOf, useStand, type VoteCase } from '../test/stand.ts';
import { createSealer } from './seal.ts';

const stand = useStand();
const never = new AbortController().signal;
const keyOf = (vote: VoteCase): string => keys.ledger(vote.voter, vote.space, vote.proposal.id);
const REVISE = { preferences: { revise_votes: true } };

/** A vote whose ledger entry is about to be altered; what is wanted is for the choice `first`. */
type Situation = { readonly vote: VoteCase; readonly first: number };

async function sequencer(vote: VoteCase, fault: Readonly<Record<string, unknown>>): Promise<void> {
  await stand.fault({ endpoint: 'sequencer', count: 1, match: { body_contains: vote.proposal.id }, ...fault });
}

async function postponed(vote: VoteCase): Promise<void> {
  await expect(vote.deliver()).rejects.toMatchObject({ name: 'PostponeError' });
}

/** Voted for the first choice, and decided anew for the second. */
async function decidedAnew(): Promise<VoteCase> {
  const vote = await stand.aVote(REVISE);
  expect(await vote.vote()).toEqual({ kind: 'cast' });
  return vote.nextRun({ ballot: ballotOf('basic', 2), decision: { inputs_hash: aHash() } });
}

const SITUATIONS: Readonly<Record<string, () => Promise<Situation>>> = {
  async 'sent in vain'() {
    const vote = await stand.aVote();
    await sequencer(vote, { status: 503 });
    await postponed(vote);
    return { vote, first: 1 };
  },
  async 'sent in vain, after one that was voided'() {
    const vote = await stand.aVote();
    await sequencer(vote, {
      status: 503,
      body: { error: 'client_error', error_description: 'update in progress, try later' },
    });
    await postponed(vote);
    await sequencer(vote, { status: 503 });
    await postponed(vote);
    return { vote, first: 1 };
  },
  async 'accepted and not read back'() {
    const vote = await stand.aVote();
    // The first question is the pre-flight's, the second one reads back.
    await sequencer(vote, { latency_ms: 300 });
    const first = postponed(vote);
    await expect.poll(() => vote.sends().length).toBe(1);
    await stand.fault({ endpoint: 'hub', count: 1, match: { body_contains: vote.voter }, status: 502 });
    await first;
    return { vote, first: 1 };
  },
  async 'a revision sent in vain'() {
    const vote = await decidedAnew();
    await sequencer(vote, { status: 503 });
    await postponed(vote);
    return { vote, first: 2 };
  },
  async 'cast, and to be revised after a revision that was refused'() {
    const vote = await decidedAnew();
    await sequencer(vote, {
      status: 400,
      body: { error: 'client_error', error_description: 'failed vote validation' },
    });
    expect(await vote.vote()).toEqual({ kind: 'failed', why: 'vote_rejected' });
    return {
      vote: await vote.nextRun({ ballot: ballotOf('basic', 3), decision: { inputs_hash: aHash() } }),
      first: 3,
    };
  },
};

/** Fields whose change does no harm, and why. A change of one that is named all the same is fine too. */
const HARMLESS: readonly { readonly path: RegExp; readonly why: string }[] = [
  { path: /^state$/, why: 'cast is believed where the hub shows the vote; the chain says that nobody told of that' },
  { path: /^run_id$/, why: 'only says whose outcome the vote is; the intent that stands is gone on with by any run' },
  { path: /(^|\.)created$/, why: 'a copy for people: dates are read from the sealed intents' },
  { path: /(^|\.)reserved_at$/, why: 'only spaces out the looks of a sweep' },
  { path: /(^|\.)settled_at$/, why: 'nobody reads it' },
  { path: /(^|\.)sends$/, why: 'whether a vote arrived is read from the hub' },
  {
    path: /^told$/,
    why: 'only keeps what was told from being told twice, by hashes of random numbers that nobody knows before',
  },
  { path: /^sent_at$/, why: 'only says when bytes that are not taken are made anew, which are dated later' },
  {
    path: /^voided_(vote|run)$/,
    why: 'only has that vote looked for: its id is computed anew, and whether it stands is asked of the hub',
  },
  { path: /(^|\.)preferences_version$/, why: 'told; which inputs a vote rests on is read from the sealed intent' },
  { path: /(^|\.)why$/, why: 'words' },
  {
    path: /^(replaces\.)?(voided_)?cap$/,
    why: 'whether a vote made anew counts once; who writes here can set the count itself',
  },
  { path: /^(replaces\.)?receipt\./, why: 'a receipt that is not this vote’s is not shown as its own' },
  { path: /^replaces\.(state|run_id)$/, why: 'what stands until a revision does is asked of the hub' },
];

/** What is changed: fields as they lie in the hash. A field is text; a record of fields is readable where the schema takes it. */
const Fields = z.record(z.string(), z.string());
const changesIn = async (vote: VoteCase) =>
  changesOf(await stand.redis().hgetall(keyOf(vote)), (changed) => {
    try {
      return LedgerEntry.safeParse(changed).success;
    } catch {
      return false;
    }
  });

/** What names the change: nothing, or where it is told. */
async function namedBy(vote: VoteCase, said: unknown): Promise<string[]> {
  await createSealer([vote.voter], vote.deps)(never);
  const { faults } = await verdictOn(stand.redis(), vote.voter, { keys: [vote.deps.voterKey] });
  return [
    ...Object.keys(await vote.security()),
    ...faults.map(({ says }) => says),
    // The record cannot be read, or the hub does not bear out what it says: the job says so.
    ...(said instanceof Error ? [said.message] : []),
  ];
}

/** What is wrong with what came of it. */
async function wrongWith({ vote, first }: Situation): Promise<string[]> {
  const wrong: string[] = [];
  const { votes, messages } = stand.sandbox().world;
  const rows = votes.filter(({ proposal }) => proposal === vote.proposal.id);
  const decided = vote.sends().length === 0 ? [] : [1, 2, 3].slice(0, first);
  if (rows.length > 1) wrong.push('two votes');
  for (const row of rows) {
    const isIt = decided.some((one) => sameBallot(decodeChoice(row.choice, vote.proposal), ballotOf('basic', one)));
    if (!isIt) wrong.push(`stored as ${JSON.stringify(row.choice)}`);
  }
  const sent = new Set(vote.sends().map((body) => JSON.stringify(body)));
  const taken = messages.filter(({ id }) => rows.some((row) => row.id === id));
  if (taken.length > sent.size) wrong.push('more votes than were sent');
  // Theirs is the last word, whatever was altered: no vote of ours may be dated after it.
  const answer = await vote.ownerVotes(ballotOf('basic', 3));
  if (!answer.startsWith('200')) wrong.push(`the owner is refused: ${answer}`);
  return wrong;
}

test.each(Object.entries(SITUATIONS))(
  'each field of an entry that is %s',
  async (name, prepare) => {
    const untouched = await prepare();
    const ends = await untouched.vote.vote();
    expect(ends).toEqual({ kind: 'cast' });
    const choice = (await untouched.vote.hubVote())?.choice;
    expect(choice).toBe(untouched.first);
    expect(await wrongWith(untouched)).toEqual([]);

    const paths = (await changesIn((await prepare()).vote)).map(({ path }) => path);
    const wrong: unknown[] = [];
    const harmless = new Set<string>();
    for (const [at, path] of paths.entries()) {
      const situation = await prepare();
      const { vote } = situation;
      const change = (await changesIn(vote))[at];
      await stand.redis().del(keyOf(vote));
      await stand.redis().hset(keyOf(vote), Fields.parse(change?.value));
      const said = await vote.vote().catch((error: unknown) => error);
      const named = await namedBy(vote, said);
      const endsAsWell = JSON.stringify(said) === JSON.stringify(ends) && (await vote.hubVote())?.choice === choice;
      const isHarmless = endsAsWell && HARMLESS.some((one) => one.path.test(path));
      if (named.length === 0) harmless.add(path);
      const found = await wrongWith(situation);
      if (found.length > 0 || (named.length === 0 && !isHarmless)) wrong.push({ path, found, said, named });
    }
    process.stdout.write(`${name}: ${paths.length} changes, harmless: ${[...harmless].join(' ')}\n`);
    expect(wrong).toEqual([]);
  },
  300_000,
);
