import { fc, test as property } from '@fast-check/vitest';
import { checkBallot } from '@quorum/snapshot/ballot';
import { VOTING_TYPES, type VotingType } from '@quorum/snapshot/proposal';
import { canonicalJson } from '@quorum/shared/canonical';
import { describe, expect, test } from 'vitest';
import { REASONS } from '../test/model-server.ts';
import { keyOptions } from './options.ts';
import { answerSchema, readAnswer } from './schema.ts';

const CHOICES = ['For', 'Against', 'Abstain'];
const OPTIONS = keyOptions(CHOICES, [2, 3, 1]);
const read = (type: VotingType, ballot: object, choices = CHOICES, options = OPTIONS) =>
  readAnswer(JSON.stringify({ ...REASONS, ...ballot }), { type, choices }, options, undefined);

const FOR = { index: 1, label: 'For' };
const AGAINST = { index: 2, label: 'Against' };
const ABSTAIN = { index: 3, label: 'Abstain' };

describe('reading an answer', () => {
  test.each([
    ['basic', { choice: 'C: For' }, { kind: 'single', choice: FOR }],
    ['single-choice', { choice: 'A: Against' }, { kind: 'single', choice: AGAINST }],
    ['approval', { choices: ['C: For', 'B: Abstain'] }, { kind: 'approval', choices: [FOR, ABSTAIN] }],
    [
      'ranked-choice',
      { ranking: ['B: Abstain', 'C: For', 'A: Against'] },
      { kind: 'ranking', ranking: [ABSTAIN, FOR, AGAINST] },
    ],
    [
      'copeland',
      { ranking: ['C: For', 'B: Abstain', 'A: Against'] },
      { kind: 'ranking', ranking: [FOR, ABSTAIN, AGAINST] },
    ],
    [
      'weighted',
      {
        weights: [
          { choice: 'C: For', percent: 70 },
          { choice: 'A: Against', percent: 30 },
          { choice: 'B: Abstain', percent: 0 },
        ],
      },
      {
        kind: 'weights',
        weights: [
          { ...FOR, weight: 70 },
          { ...AGAINST, weight: 30 },
        ],
      },
    ],
    [
      'quadratic',
      { weights: [{ choice: 'C: For', percent: 1 }] },
      { kind: 'weights', weights: [{ ...FOR, weight: 1 }] },
    ],
  ] as const)('%s: %j', (type, said, ballot) => {
    expect(read(type, said)).toMatchObject({ kind: 'answer', answer: { ballot } });
  });

  test.each([
    ['the label without its key', 'basic', { choice: 'For' }],
    ['the key without its label', 'basic', { choice: 'C' }],
    ['the key of one and the label of another', 'basic', { choice: 'A: For' }],
    ['other letters', 'basic', { choice: 'c: for' }],
    ['a number', 'basic', { choice: 1 }],
    ['nothing', 'basic', {}],
    ['a field too many', 'basic', { choice: 'C: For', vote_now: true }],
    ['confidence above 1', 'basic', { choice: 'C: For', confidence: 1.5 }],
    ['an empty approval', 'approval', { choices: [] }],
    ['an approval of the same twice', 'approval', { choices: ['C: For', 'C: For'] }],
    ['a partial ranking', 'copeland', { ranking: ['C: For'] }],
    ['weights of 0 alone', 'weighted', { weights: [{ choice: 'C: For', percent: 0 }] }],
    ['a negative weight', 'weighted', { weights: [{ choice: 'C: For', percent: -1 }] }],
    ['the form of another type', 'weighted', { choice: 'C: For' }],
    ['reasons without a word', 'basic', { choice: 'C: For', rationale: '…' }],
    ['reasons that nobody sees', 'basic', { choice: 'C: For', rationale: '\u200b\u2060' }],
    ['a risk without a ground', 'basic', { choice: 'C: For', risk_ground: '-' }],
  ] as const)('%s is no vote', (_what, type, said) => {
    expect(read(type, said)).toMatchObject({ kind: 'invalid' });
  });

  test('a label that two choices bear is never a vote; the others still are', () => {
    const choices = ['Yes', 'Yes', 'No'];
    const options = keyOptions(choices, [1, 2, 3]);
    expect(read('basic', { choice: 'A: Yes' }, choices, options)).toMatchObject({ kind: 'invalid' });
    expect(read('basic', { choice: 'C: No' }, choices, options)).toMatchObject({
      kind: 'answer',
      answer: { ballot: { choice: { index: 3, label: 'No' } } },
    });
  });

  test('prose is bounded, on one line, and can be hashed', () => {
    const answer = read('basic', { choice: 'C: For', rationale: `\ud800${'long\n'.repeat(2_000)}` });
    expect(canonicalJson(answer).length).toBeLessThan(2_500);
    expect(answer).toMatchObject({ kind: 'answer', answer: { rationale: expect.not.stringContaining('\n') } });
  });

  test('what was wrong is said without the words of the model', () => {
    const reading = read('basic', { choice: 'C: For', risk_level: 'SECRET WORDS', extra: 'SECRET' });
    expect(JSON.stringify(reading)).not.toContain('SECRET');
    expect(reading).toMatchObject({ why: expect.stringContaining('risk_level') });
  });

  const anyBallotField = fc.oneof(
    fc.constantFrom(...OPTIONS.map(({ key }) => key), 'For', 'D: Other'),
    fc.array(fc.constantFrom(...OPTIONS.map(({ key }) => key), 'For')),
    fc.array(fc.record({ choice: fc.constantFrom(...OPTIONS.map(({ key }) => key), 'For'), percent: fc.double() })),
    fc.jsonValue(),
  );
  const anyReply = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc
      .record(
        { choice: anyBallotField, choices: anyBallotField, ranking: anyBallotField, weights: anyBallotField },
        { requiredKeys: [] },
      )
      .map((ballot) => JSON.stringify({ ...REASONS, ...ballot })),
  );
  property.prop([fc.constantFrom(...VOTING_TYPES), anyReply])(
    'whatever a model replies is a ballot of this proposal or none',
    (type, reply) => {
      const proposal = { type, choices: CHOICES };
      const reading = readAnswer(reply, proposal, OPTIONS, undefined);
      if (reading.kind === 'answer') expect(() => checkBallot(reading.answer.ballot, proposal)).not.toThrow();
      else expect(reading.why).not.toBe('');
    },
  );
});

describe('the schema', () => {
  test.each([
    ['basic', { choice: { type: 'string', enum: ['A: Against', 'B: Abstain', 'C: For'] } }],
    ['approval', { choices: { minItems: 1 } }],
    ['copeland', { ranking: { minItems: 3, maxItems: 3 } }],
    [
      'quadratic',
      { weights: { minItems: 1, items: { additionalProperties: false, required: ['choice', 'percent'] } } },
    ],
  ] as const)('%s: says the ballot and nothing beside it', (type, ballot) => {
    const schema = answerSchema(type, OPTIONS);
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false, properties: ballot });
    expect(schema['required']).toEqual(Object.keys(schema['properties'] ?? {}));
  });

  test('asks for reasons before the choice', () => {
    const fields = Object.keys(answerSchema('basic', OPTIONS)['properties'] ?? {});
    expect(fields.indexOf('rationale')).toBeLessThan(fields.indexOf('choice'));
    expect(fields.indexOf('risk_ground')).toBeLessThan(fields.indexOf('risk_level'));
  });
});
