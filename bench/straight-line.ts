/**
 * What Quorum is held against: the same run as one async function, as a good engineer would write it in an afternoon. It makes the
 * same calls to hub and model, with the same words, over connections that are kept; it cleans the text, builds the prompts, reads
 * the answers, counts the ballots, and hashes what it decided by. It has no queue, no Redis, no record, no retry and no policy.
 *
 * The words of its calls are those that a run of ours was seen to send (`callsOf`); a benchmark that uses it compares the sandbox's
 * log of both, so that they stay the same.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { again } from './again.ts';

const Message = z.object({ role: z.string(), content: z.string() });
const Chat = z.looseObject({ messages: z.tuple([Message, Message]) });
type Chat = z.output<typeof Chat>;
const Query = z.looseObject({
  query: z.string(),
  operationName: z.string(),
  variables: z.record(z.string(), z.unknown()),
});

/** A request that the sandbox received. */
export const Asked = z.object({ endpoint: z.string(), method: z.string(), url: z.string(), body: z.unknown() });
export type Asked = z.output<typeof Asked>;

/** The requests of one run as they were sent, to be filled with another's words. */
export const Calls = z.object({
  list: Query,
  /** Null where nobody's votes and power are looked for. */
  voter: z.object({ votes: Query, power: Query }).nullable(),
  texts: Query,
  sample: Chat,
  samples: z.int(),
  reader: Chat,
  judge: Chat,
});
export type Calls = z.output<typeof Calls>;

/** The calls of a run of one proposal, by what the sandbox received of it and nothing else. Throws where they are others. */
export function callsOf(received: readonly Asked[]): Calls {
  const queries = received.filter(({ endpoint }) => endpoint === 'hub').map(({ body }) => Query.parse(body));
  const chats = received
    .filter(({ endpoint, method }) => endpoint === 'model' && method === 'POST')
    .map(({ body }) => Chat.parse(body));
  const named = (name: string) => queries.find(({ operationName }) => operationName === name);
  const saying = (words: string) => chats.filter(({ messages: [system] }) => system.content.startsWith(words));
  const [list, texts] = [named('ActiveProposals'), named('Proposals')];
  const [votes, power] = [named('SpaceVotes'), named('VotingPower')];
  const voter = votes !== undefined && power !== undefined ? { votes, power } : null;
  const [reader] = saying('You read one governance proposal');
  const decides = saying('You decide');
  // The judge sees a list of facts in the place of the text.
  const judge = decides.find(({ messages: [, { content }] }) => FACTS.test(content));
  const samples = decides.filter((chat) => chat !== judge);
  const [sample] = samples;
  const knowsAll = queries.length === (voter === null ? 2 : 4) && chats.length === samples.length + 2;
  if (!list || !texts || !reader || !judge || !sample || !knowsAll) {
    const seen = `${queries.map(({ operationName }) => operationName).join(', ')} and ${chats.length} of the model`;
    throw new Error(`a run of one proposal made other calls than the straight line knows: ${seen}`);
  }
  return { list, voter, texts, sample, samples: samples.length, reader, judge };
}

const FACTS = /^<<<PROPOSAL \w+\nFacts\n/;

export const Proposal = z.object({
  id: z.string(),
  space: z.object({ id: z.string() }),
  author: z.string(),
  type: z.string(),
  title: z.string(),
  body: z.string(),
  choices: z.array(z.string()),
  start: z.number(),
  end: z.number(),
});
export type Proposal = z.output<typeof Proposal>;

const Listed = z.object({ data: z.object({ proposals: z.array(Proposal) }) });
const Voted = z.object({ data: z.object({ votes: z.array(z.object({ proposal: z.object({ id: z.string() }) })) }) });
const Power = z.object({ data: z.object({ vp: z.object({ vp: z.number() }) }) });
const Completion = z.object({ choices: z.tuple([z.object({ message: z.object({ content: z.string() }) })]) });
const Answer = z.object({ choice: z.string(), confidence: z.number() });
const Facts = z.object({ facts: z.array(z.object({ kind: z.string(), about: z.string(), statement: z.string() })) });

export type Decided = { readonly proposal: string; readonly choice: string; readonly evidence: string };

export type StraightLine = {
  /** The proposals of a space that are to be decided, with their texts read anew. */
  fetch(space: string): Promise<readonly Proposal[]>;
  decide(proposal: Proposal): Promise<Decided>;
  /** All of it, the proposals at once. */
  run(space: string): Promise<readonly Decided[]>;
  /** All of it, one proposal after the other. */
  runOneByOne(space: string): Promise<readonly Decided[]>;
};

export function straightLine(sandboxUrl: string, calls: Calls): StraightLine {
  const post = async (path: string, body: unknown): Promise<unknown> => {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await again(() => fetch(`${sandboxUrl}${path}`, request));
    if (!response.ok) throw new Error(`POST ${path}: ${response.status}`);
    return await response.json();
  };
  const ask = async (chat: Chat, nonce: string, words: string): Promise<string> => {
    const [system, user] = chat.messages;
    const rules = system.content.replaceAll(/PROPOSAL [0-9a-f]{24}/g, `PROPOSAL ${nonce}`);
    const messages = [
      { ...system, content: rules },
      { ...user, content: words },
    ];
    const answer = Completion.parse(await post('/v1/chat/completions', { ...chat, messages }));
    return answer.choices[0].message.content;
  };

  const textsOf = async (ids: readonly string[]): Promise<readonly Proposal[]> =>
    Listed.parse(await post('/graphql', { ...calls.texts, variables: { ids } })).data.proposals;

  /** The texts of those on which its voter has not voted, and has power: both are asked for at once. */
  const votableTexts = async (space: string, ids: readonly string[]): Promise<readonly Proposal[]> => {
    if (calls.voter === null) return await textsOf(ids);
    const { votes, power } = calls.voter;
    const voted = Voted.parse(
      await post('/graphql', { ...votes, variables: { ...votes.variables, space } }),
    ).data.votes.map(({ proposal }) => proposal.id);
    const open = ids.filter((id) => !voted.includes(id));
    const [texts, ...powers] = await Promise.all([
      textsOf(open),
      ...open.map(async (proposal) => {
        const variables = { ...power.variables, space, proposal };
        return Power.parse(await post('/graphql', { ...power, variables })).data.vp.vp;
      }),
    ]);
    const able = new Set(open.filter((_, at) => (powers[at] ?? 0) > 0));
    return texts.filter(({ id }) => able.has(id));
  };
  const fetchProposals: StraightLine['fetch'] = async (space) => {
    const listed = Listed.parse(
      await post('/graphql', { ...calls.list, variables: { ...calls.list.variables, space } }),
    );
    const soonest = listed.data.proposals.toSorted((a, b) => a.end - b.end);
    return await votableTexts(
      space,
      soonest.map(({ id }) => id),
    );
  };
  const decide: StraightLine['decide'] = async (proposal) => {
    const nonce = randomBytes(12).toString('hex');
    const choices = ['Choices', ...proposal.choices.map((label, at) => `${String.fromCodePoint(65 + at)}: ${label}`)];
    const words = fenced(nonce, [...head(proposal), '', clean(proposal.body), '', ...choices]);
    const [reading, ...samples] = await Promise.all([
      ask(calls.reader, nonce, words),
      ...Array.from({ length: calls.samples }, () => ask(calls.sample, nonce, words)),
    ]);
    const facts = Facts.parse(JSON.parse(reading)).facts.map(
      ({ kind, about, statement }, at) => `${at + 1}. (${kind}, about ${about}) ${statement}`,
    );
    const judged = await ask(calls.judge, nonce, fenced(nonce, ['Facts', ...facts, '', ...choices]));
    const answers = samples.map((text) => Answer.parse(JSON.parse(text)));
    const second = Answer.parse(JSON.parse(judged));
    const [winner, votes] = mostOften(answers.map(({ choice }) => choice));
    const sure = votes * 2 > answers.length && winner === second.choice;
    const evidence = sha256(JSON.stringify([sha256(JSON.stringify(proposal)), words, reading, samples, judged]));
    return { proposal: proposal.id, choice: sure ? winner : '', evidence };
  };
  return {
    fetch: fetchProposals,
    decide,
    async run(space) {
      return await Promise.all((await fetchProposals(space)).map(decide));
    },
    async runOneByOne(space) {
      const decided: Decided[] = [];
      for (const proposal of await fetchProposals(space)) decided.push(await decide(proposal));
      return decided;
    },
  };
}

function head({ space, author, type, start, end, title }: Proposal): string[] {
  const time = (seconds: number): string => new Date(seconds * 1_000).toISOString();
  return [
    `Space: ${space.id}`,
    `Author: ${author}`,
    `Voting: ${type}, from ${time(start)} to ${time(end)}`,
    `Title: ${title}`,
  ];
}

/** Without HTML, images and what nobody sees. */
function clean(body: string): string {
  return body
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replaceAll(/[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]|[\u{e0000}-\u{e007f}]/gu, '')
    .slice(0, 40_000);
}

function fenced(nonce: string, lines: readonly string[]): string {
  return [`<<<PROPOSAL ${nonce}`, ...lines, `PROPOSAL ${nonce}>>>`].join('\n');
}

function mostOften(values: readonly string[]): [string, number] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? ['', 0];
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
