/**
 * The guard's law, from the other side: of a vote that it signs, each part is changed in turn, in whatever was generated, and it
 * signs none of them. A change that says the same (the ballot's options in another order) is none.
 */
import { randomBytes } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import { type Ballot, ballotOptions } from '@quorum/snapshot/ballot';
import { buildVote, type UnsignedVote } from '@quorum/snapshot/envelope';
import { type Proposal, ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { createShutter } from '@quorum/snapshot/shutter';
import { beforeAll, describe, expect } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { anAddress, anyVote, aProposal } from '../../../packages/snapshot/test/samples.ts';
import { aLicence } from '../test/licence.ts';
import { GuardError, signVote } from './guard.ts';
import { type Sealing, secretChoice } from './secret-choice.ts';
import type { Licence } from './signers.ts';

const sealing = { shutter: createShutter(EON_PUBLIC_KEY), key: randomBytes(32) } satisfies Sealing;
const base = aLicence({ allowedSpaces: ['harbour.eth', 'second.eth'] });

/** All that the guard is handed. */
type Handed = {
  readonly vote: UnsignedVote;
  readonly ballot: Ballot;
  readonly proposal: Proposal;
  readonly licence: Licence;
  readonly sealing: Sealing;
};

async function aGoodOne(
  privacy: Proposal['privacy'],
  drawn: { type: Proposal['type']; choices: string[]; ballot: Ballot },
) {
  const { type, choices, ballot } = drawn;
  const proposal = aProposal({ type, choices, privacy });
  const timestamp = proposal.start + 1_000;
  const secret = privacy === 'shutter';
  const vote = buildVote({
    voter: base.voter,
    space: proposal.space,
    proposal,
    ballot,
    sealedChoice: secret ? await secretChoice({ voter: base.voter, ballot, timestamp }, proposal, sealing) : undefined,
    reason: secret ? '' : 'because',
    app: 'quorum',
    metadata: { agent: true },
    timestamp,
  });
  return { vote, ballot, proposal, licence: base, sealing };
}

/** Signs, and says how often the key was asked. */
async function attempt({ vote, ballot, proposal, licence, sealing: by }: Handed) {
  let signatures = 0;
  const signer: Licence['signer'] = {
    address: licence.signer.address,
    signVote(unsigned) {
      signatures += 1;
      return licence.signer.signVote(unsigned);
    },
  };
  const signed = await signVote(vote, ballot, proposal, { ...licence, signer }, by).catch((error: unknown) => error);
  return { signed, signatures };
}

type Change = (handed: Handed) => Handed;

/** Changes of the message, as it could come from elsewhere: not even its shape is sure. */
const message =
  (change: (fields: UnsignedVote['message']) => object): Change =>
  (handed) => ({
    ...handed,
    vote: JSON.parse(JSON.stringify({ ...handed.vote, message: change(handed.vote.message) })),
  });
const types =
  (change: (vote: UnsignedVote['types']['Vote']) => object): Change =>
  (handed) => ({
    ...handed,
    vote: JSON.parse(JSON.stringify({ ...handed.vote, types: change(handed.vote.types.Vote) })),
  });
const domain =
  (change: object): Change =>
  (handed) => ({
    ...handed,
    vote: JSON.parse(JSON.stringify({ ...handed.vote, domain: { ...handed.vote.domain, ...change } })),
  });
const proposal =
  (change: (one: Proposal) => Partial<Proposal>): Change =>
  (handed) => ({
    ...handed,
    proposal: { ...handed.proposal, ...change(handed.proposal) },
  });
const licence =
  (change: Partial<Licence>): Change =>
  (handed) => ({ ...handed, licence: { ...base, ...change } });

const withoutField = (name: string): Change =>
  message((fields) => Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name)));
const FIELDS = ['from', 'space', 'timestamp', 'proposal', 'choice', 'reason', 'app', 'metadata'] as const;

/** The ballot with its first option called otherwise: in a proposal where only that label differs, it is another vote. */
const relabelled = (ballot: Ballot, { choices }: Proposal): string[] => {
  const [first] = ballotOptions(ballot);
  return choices.map((label, at) => (at + 1 === first?.index ? `${label}x` : label));
};

/** What is changed, how, and what the guard says of it. */
type Case = readonly [string, Change, RegExp];

const FIELDS_DIFFER = /it has other fields than a vote/;
const TYPES_DIFFER = /the types are not those of a vote of this voting type/;
const NOT_SNAPSHOT = /the domain is not Snapshot's/;
const NOT_THE_BALLOT = /the choice does not encode the decision's ballot/;
const NOT_THEN = /it is dated outside the voting window/;

const CHANGES: readonly Case[] = [
  ...FIELDS.map((name): Case => [`no ${name}`, withoutField(name), FIELDS_DIFFER]),
  ['another field', message((fields) => ({ ...fields, more: '' })), FIELDS_DIFFER],
  ['another voter', message((fields) => ({ ...fields, from: anAddress() })), /it is for another voter/],
  [
    'the voter in small letters',
    message((fields) => ({ ...fields, from: fields.from.toLowerCase() })),
    /it is for another voter/,
  ],
  [
    'another space that is allowed',
    message((fields) => ({ ...fields, space: 'second.eth' })),
    /the proposal is of another space/,
  ],
  ['a space that is not allowed', message((fields) => ({ ...fields, space: 'third.eth' })), /the space is not allowed/],
  [
    'another proposal',
    message((fields) => ({ ...fields, proposal: `0x${'5f'.repeat(32)}` })),
    /it is for another proposal/,
  ],
  ['a date before the vote', message((fields) => ({ ...fields, timestamp: 1_795_000_100 })), NOT_THEN],
  ['a date after the vote', message((fields) => ({ ...fields, timestamp: 1_795_600_001 })), NOT_THEN],
  ['no choice', message((fields) => ({ ...fields, choice: null })), NOT_THE_BALLOT],
  ['the choice in a list', message((fields) => ({ ...fields, choice: [fields.choice] })), NOT_THE_BALLOT],
  ['the choice and more', message((fields) => ({ ...fields, choice: `${String(fields.choice)} ` })), NOT_THE_BALLOT],
  ['a choice that none of the proposal is', message((fields) => ({ ...fields, choice: 99 })), NOT_THE_BALLOT],
  [
    'garbage that looks encrypted',
    message((fields) => ({ ...fields, choice: `0x${'ab'.repeat(192)}` })),
    NOT_THE_BALLOT,
  ],
  ['one field of the types less', types((vote) => ({ Vote: vote.slice(1) })), TYPES_DIFFER],
  [
    'one field of the types more',
    types((vote) => ({ Vote: [...vote, { name: 'more', type: 'string' }] })),
    TYPES_DIFFER,
  ],
  ['the types the other way round', types((vote) => ({ Vote: vote.toReversed() })), TYPES_DIFFER],
  [
    'keys of the types the other way round',
    types((vote) => ({ Vote: vote.map(({ name, type }) => ({ type, name })) })),
    TYPES_DIFFER,
  ],
  ['a second struct', types((vote) => ({ Vote: vote, Alias: vote })), TYPES_DIFFER],
  ['the same struct by another name', types((vote) => ({ Alias: vote })), TYPES_DIFFER],
  ...FIELDS.map((name): Case => [
    `another type of ${name}`,
    types((vote) => ({ Vote: vote.map((field) => (field.name === name ? { name, type: 'bytes' } : field)) })),
    TYPES_DIFFER,
  ]),
  ['another domain', domain({ name: 'permit' }), NOT_SNAPSHOT],
  ['another version', domain({ version: '0.1.5' }), NOT_SNAPSHOT],
  ['a domain with a chain', domain({ chainId: 1 }), NOT_SNAPSHOT],
  ['a domain with a contract', domain({ verifyingContract: anAddress() }), NOT_SNAPSHOT],
  ['a licence of another voter', licence({ voter: anAddress() }), /it is for another voter/],
  ['a licence for no space', licence({ allowedSpaces: [] }), /the space is not allowed/],
  [
    'a licence for another space',
    licence({ allowedSpaces: [SpaceId.parse('second.eth')] }),
    /the space is not allowed/,
  ],
  [
    'a proposal of another space',
    proposal(() => ({ space: SpaceId.parse('second.eth') })),
    /the proposal is of another space/,
  ],
  [
    'another proposal than it names',
    proposal(() => ({ id: aProposal({ id: `0x${'5f'.repeat(32)}` }).id })),
    /it is for another proposal/,
  ],
  [
    // Where the types are those of a secret vote too, the reason tells; the other way round, the choice does.
    'a proposal that is secret, or open',
    proposal(({ privacy }) => ({ privacy: privacy === '' ? 'shutter' : '' })),
    /the types are not those|a secret vote has a reason|does not encode the decision's ballot/,
  ],
  ['a proposal that is over', proposal(({ start }) => ({ end: start + 999 })), NOT_THEN],
  ['a proposal that began later', proposal(({ start }) => ({ start: start + 1_000 })), NOT_THEN],
  [
    'a proposal of which a choice has another label',
    (handed) => ({ ...handed, proposal: { ...handed.proposal, choices: relabelled(handed.ballot, handed.proposal) } }),
    /choice \d+ is not labelled as the ballot says/,
  ],
  ['a proposal without choices', proposal(() => ({ choices: [] })), /the proposal has choices 1 to 0/],
];

const OLD_ID = ProposalId.parse(`Qm${'a'.repeat(44)}`);
const NAMES_EVIDENCE = /a secret vote names its evidence/;

/** The secret vote's own: what would tell the choice, or cannot be opened. */
const SECRET: readonly Case[] = [
  ['a reason', message((fields) => ({ ...fields, reason: 'because' })), /a secret vote has a reason/],
  ['evidence', message((fields) => ({ ...fields, metadata: '{"agent":true,"evidence":"ab"}' })), NAMES_EVIDENCE],
  ['metadata that cannot be read', message((fields) => ({ ...fields, metadata: '{' })), NAMES_EVIDENCE],
  ['metadata that is null', message((fields) => ({ ...fields, metadata: 'null' })), NAMES_EVIDENCE],
  ['metadata that is no object', message((fields) => ({ ...fields, metadata: '1' })), NAMES_EVIDENCE],
  ['another date', message((fields) => ({ ...fields, timestamp: fields.timestamp + 1 })), NOT_THE_BALLOT],
  ['no key to encrypt with', (handed) => ({ ...handed, sealing: null }), /set SHUTTER_EON_PUBLIC_KEY/],
  [
    'the id of a proposal from before Shutter',
    (handed) => ({
      ...handed,
      vote: { ...handed.vote, message: { ...handed.vote.message, proposal: OLD_ID } },
      proposal: { ...handed.proposal, id: OLD_ID },
    }),
    /its id is none that can be encrypted for/,
  ],
  ['another key of ours', (handed) => ({ ...handed, sealing: { ...sealing, key: randomBytes(32) } }), NOT_THE_BALLOT],
];

async function mustRefuse(handed: Handed, change: Change, why: RegExp): Promise<void> {
  const { signed, signatures } = await attempt(change(handed));
  expect(signed).toBeInstanceOf(GuardError);
  expect(signed).toMatchObject({ message: expect.stringMatching(why) });
  expect(signatures).toBe(0);
}

describe('an open vote is not signed with', () => {
  test.each(CHANGES)('%s', async (_what, change, why) => {
    await fc.assert(
      fc.asyncProperty(anyVote, async (drawn) => {
        const handed = await aGoodOne('', drawn);
        expect((await attempt(handed)).signatures).toBe(1);
        await mustRefuse(handed, change, why);
      }),
      { numRuns: runs(15) },
    );
  });
});

describe('a secret vote is not signed with', () => {
  // To encrypt takes longer than all else: the votes are made, and seen to be signed as they are, once.
  let good: Handed[] = [];
  beforeAll(async () => {
    good = await Promise.all(fc.sample(anyVote, 2).map((drawn) => aGoodOne('shutter', drawn)));
  });
  test('nothing else than what is changed below', async () => {
    expect(good).toHaveLength(2);
    for (const handed of good) expect((await attempt(handed)).signatures).toBe(1);
  });
  test.each([...CHANGES, ...SECRET])('%s', async (_what, change, why) => {
    for (const handed of good) await mustRefuse(handed, change, why);
  });
});

describe.each(['', 'shutter'] as const)('a vote (privacy %j) is signed for no other ballot', (privacy) => {
  test.prop([anyVote, fc.nat(), fc.constantFrom('index', 'label', 'weight', 'less', 'kind')], {
    numRuns: runs(privacy === '' ? 300 : 20),
  })('than the decision’s', async (drawn, at, part) => {
    const handed = await aGoodOne(privacy, drawn);
    const other = altered(drawn.ballot, at, part);
    fc.pre(other !== null);
    const { signed, signatures } = await attempt({ ...handed, ballot: other });
    expect(signed).toBeInstanceOf(GuardError);
    expect(signatures).toBe(0);
  });
});

/** The ballot with one thing changed; null where it has no such thing. */
function altered(ballot: Ballot, at: number, part: string): Ballot | null {
  const options = ballotOptions(ballot);
  const nth = at % options.length;
  const change = <T extends { index: number; label: string }>(list: readonly T[]): T[] =>
    list.map((option, position) => {
      if (position !== nth) return option;
      return part === 'index' ? { ...option, index: option.index + 1 } : { ...option, label: `${option.label}x` };
    });
  const fewer = <T>(list: readonly T[]): T[] => list.filter((_, position) => position !== nth);
  if (part === 'kind') {
    const [option = { index: 1, label: '' }] = options;
    return ballot.kind === 'single' ? { kind: 'approval', choices: [option] } : { kind: 'single', choice: option };
  }
  if (part === 'weight') {
    if (ballot.kind !== 'weights') return null;
    const weights = ballot.weights.map((one, position) =>
      position === nth ? { ...one, weight: nextAfter(one.weight) } : one,
    );
    return { ...ballot, weights };
  }
  const edit = part === 'less' ? fewer : change;
  switch (ballot.kind) {
    case 'single':
      return part === 'less' ? null : { kind: 'single', choice: change([ballot.choice])[0] ?? ballot.choice };
    case 'approval':
      return { kind: 'approval', choices: edit(ballot.choices) };
    case 'ranking':
      return { kind: 'ranking', ranking: edit(ballot.ranking) };
    case 'weights':
      return { kind: 'weights', weights: edit(ballot.weights) };
  }
}

/** The next number that is not this one, however near: a weight is compared exactly. */
function nextAfter(weight: number): number {
  return weight * (1 + 2 ** -52) === weight ? weight * 2 : weight * (1 + 2 ** -52);
}
