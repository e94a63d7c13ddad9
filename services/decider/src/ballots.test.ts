/** Decisions end to end: a proposal, a model behind real HTTP, and what comes of it. */
import { fc, test as property } from '@fast-check/vitest';
import { checkBallot, type Ballot } from '@quorum/snapshot/ballot';
import { VOTING_TYPES, type VotingType } from '@quorum/snapshot/proposal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { aggregateOf, decideFor } from '../test/decide-for.ts';
import { aProposal, type ProposalChanges } from '../test/fixtures.ts';
import {
  keysOf,
  REASONS,
  startModelServer,
  vote,
  type ModelRequest,
  type ModelServer,
  type Reply,
} from '../test/model-server.ts';
import { inOrder, readingModel } from '../test/reading-model.ts';

let server: ModelServer;
beforeAll(async () => {
  server = await startModelServer();
});
afterAll(() => server.close());

/** A ballot without places: what it gives to which label. */
function byLabel(ballot: Ballot): unknown {
  switch (ballot.kind) {
    case 'single':
      return ballot.choice.label;
    case 'approval':
      return ballot.choices.map(({ label }) => label).toSorted();
    case 'ranking':
      return ballot.ranking.map(({ label }) => label);
    case 'weights':
      return new Map(ballot.weights.map(({ label, weight }) => [label, weight]));
  }
}

async function ballotFor(changes: ProposalChanges, samples = 2) {
  const proposal = aProposal(changes);
  server.behave((request) => readingModel(proposal.type, request));
  const result = aggregateOf(await decideFor(proposal, { url: server.url, samples }));
  if (result.ballot === null) throw new Error('no ballot');
  checkBallot(result.ballot, proposal);
  return { ballot: result.ballot, result };
}

const labels = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom('Yes', 'Yes, but later', 'No', 'No, never', 'Abstain', 'نعم', '赞成', 'Option 1', 'Option 10'),
    fc.string({ minLength: 1, maxLength: 12 }).filter((text) => text.trim() === text && text !== ''),
  ),
  { minLength: 2, maxLength: 12, selector: (label) => label.normalize('NFKC').replaceAll(/\s+/gu, ' ').trim() },
);
const permuted = labels.chain((one) =>
  fc.tuple(fc.constant(one), fc.shuffledSubarray(one, { minLength: one.length, maxLength: one.length })),
);

describe('whatever the order of the choices', () => {
  property.prop([fc.constantFrom(...VOTING_TYPES), permuted], {
    numRuns: 60,
    // Once the end of one label and the beginning of the next read as a sum of money.
    examples: [
      [
        'basic',
        [
          ['$', '0', '!'],
          ['!', '0', '$'],
        ],
      ],
    ],
  })('a model that reads labels gives the same ballot, confidence and reasons', async (type, [choices, others]) => {
    const one = await ballotFor({ type, choices });
    const other = await ballotFor({ type, choices: others });
    expect(byLabel(other.ballot)).toEqual(byLabel(one.ballot));
    expect({ ...other.result, ballot: null }).toEqual({ ...one.result, ballot: null });
  });
});

describe('right ballots', () => {
  const twelve = Array.from({ length: 12 }, (_, at) => `Option ${at + 1}`);
  const long = `HEAD ${'The bench is grey and the path is long. '.repeat(2_300)} TAIL`;
  test.each(
    VOTING_TYPES.flatMap((type): [string, VotingType, ProposalChanges][] => [
      ['twelve choices', type, { choices: twelve }],
      ['labels that contain each other', type, { choices: ['Yes', 'Yes, but later', 'Yes, but', 'B: Yes', 'A: Yes'] }],
      [
        'a body in Arabic',
        type,
        { body: 'صوّت على المقترح لأن المقعد رمادي. '.repeat(60), choices: ['نعم', 'لا', 'امتناع'] },
      ],
      ['90 KB', type, { body: long }],
    ]),
  )('%s, %s', async (_what, type, changes) => {
    const { ballot, result } = await ballotFor({ type, ...changes }, 3);
    const best = inOrder(aProposal(changes).choices);
    const given = byLabel(ballot);
    if (type === 'basic' || type === 'single-choice') expect(given).toBe(best[0]);
    else if (type === 'approval') expect(given).toEqual(best.slice(0, 2).toSorted());
    else if (ballot.kind === 'ranking') expect(given).toEqual(best);
    else
      expect(given).toEqual(
        new Map([
          [best[0], 70],
          [best[1], 30],
        ]),
      );
    expect(result.agreement).toBe(1);
  });

  test('of 90 KB the model reads head and tail and is told what is missing; the stakes are high for it', async () => {
    const proposal = aProposal({ body: long });
    server.behave((request) => vote(request, 'For'));
    const decided = await decideFor(proposal, { url: server.url, samples: 1, maxBodyTokens: 2_000 });
    const read = server.requests.at(-1)?.messages[1]?.content ?? '';
    expect(read).toMatch(/HEAD .*characters of the proposal are left out here.* TAIL/s);
    expect(read.length).toBeLessThan(9_000);
    expect(decided).toMatchObject({ kind: 'decided', decision: { stakes: 'high' } });
  });

  test('two choices with one label get no vote, whoever is asked for one of them; a third does', async () => {
    const proposal = aProposal({ choices: ['Yes', 'Yes', 'No'] });
    server.behave((request) => vote(request, 'Yes'));
    expect(await decideFor(proposal, { url: server.url })).toMatchObject({
      kind: 'too_few_answers',
      whys: ['invalid', 'invalid', 'invalid'],
    });
    server.behave((request) => vote(request, 'No'));
    expect(aggregateOf(await decideFor(proposal, { url: server.url })).ballot).toMatchObject({ choice: { index: 3 } });
  });
});

/** Replies that are nearly right: an answer with anything for its ballot, or with a byte gone. */
const anyContent = (request: ModelRequest, { ballot, at }: { ballot: unknown; at: number }): string => {
  const keys = keysOf(request);
  const text = JSON.stringify({ ...REASONS, choice: ballot ?? keys[at % keys.length] });
  return at % 3 === 0 ? text.slice(0, at % text.length) + text.slice((at % text.length) + 1) : text;
};
const almostKeys = fc.constantFrom(
  'For',
  'A',
  'A:For',
  'a: for',
  'A: For ',
  ' A: For',
  'D: For',
  'A: For\n',
  '1',
  1,
  0,
  null,
  ['A: For'],
  {},
);

describe('whatever bytes a model returns', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const replies = fc.oneof(
    fc.record({ ballot: fc.oneof(almostKeys, fc.constant(undefined), fc.jsonValue()), at: fc.nat(10_000) }),
    fc.record({ ballot: fc.constant(undefined), at: fc.constant(1) }),
    fc.string({ unit: 'binary', maxLength: 200 }),
    bytes,
  );
  property.prop([fc.array(replies, { minLength: 6, maxLength: 6 })], { numRuns: 80 })(
    'it is a ballot of this proposal or none',
    async (said) => {
      const proposal = aProposal({ choices: ['For', 'Against', 'Abstain'] });
      server.behave((request, nth): Reply => {
        const one = said[nth % said.length];
        if (one instanceof Uint8Array) return { kind: 'status', status: 200, body: one };
        if (typeof one === 'string') return { kind: 'says', content: one };
        return { kind: 'says', content: one === undefined ? '' : anyContent(request, one) };
      });
      const decided = await decideFor(proposal, { url: server.url, samples: 2 });
      if (decided.kind !== 'decided') {
        expect(decided.kind).toBe('too_few_answers');
        return;
      }
      for (const sample of decided.decision.samples) {
        if (sample.kind === 'answer') checkBallot(sample.ballot, proposal);
      }
      const { ballot } = decided.judgement.aggregate;
      if (ballot !== null) checkBallot(ballot, proposal);
    },
  );

  property.prop([almostKeys, fc.nat({ max: 2 })], { numRuns: 40 })(
    'a key that is not on the list is never a vote',
    async (key, at) => {
      server.behave((request) => {
        const listed = keysOf(request);
        // What happens to be listed under this letter would be a vote.
        const wrong = typeof key === 'string' && listed.includes(key) ? `${key}.` : key;
        return { kind: 'says', content: JSON.stringify({ ...REASONS, choice: wrong ?? at }) };
      });
      expect(await decideFor(aProposal(), { url: server.url })).toMatchObject({ kind: 'too_few_answers' });
    },
  );
});

describe('a sample that dissents and goes missing', () => {
  const gone: [string, Reply][] = [
    ['malformed', { kind: 'says', content: '{"choice": "maybe"}' }],
    ['a refusal', { kind: 'refuses' }],
    ['cut off', { kind: 'says', content: '{"cho', finishReason: 'length' }],
    ['an error', { kind: 'status', status: 500, body: '{}' }],
    ['silent', { kind: 'silent' }],
  ];
  /** The third sample is known by its nonce, so that its repair is gone too. */
  const thirdSays = async (third: (request: ModelRequest) => Reply) => {
    const nonces = new Set<string>();
    server.behave((request) => {
      const [, nonce = ''] = /<<<PROPOSAL (\w+)/.exec(request.messages[1]?.content ?? '') ?? [];
      nonces.add(nonce);
      return [...nonces].indexOf(nonce) === 2 ? third(request) : vote(request, 'For');
    });
    return aggregateOf(await decideFor(aProposal(), { url: server.url, timeoutMs: 1_500 }));
  };

  test.each(gone)('(%s) makes nobody surer', async (_what, reply) => {
    const dissenting = await thirdSays((request) => vote(request, 'Against'));
    const missing = await thirdSays(() => reply);
    expect(dissenting.confidence).toBeCloseTo(2 / 3);
    expect(missing.confidence).toBeLessThanOrEqual(dissenting.confidence);
    expect(missing.agreement).toBeLessThanOrEqual(dissenting.agreement);
  });
});
