import { fc, test as property } from '@fast-check/vitest';
import type { Ballot } from '@quorum/snapshot/ballot';
import { describe, expect, test } from 'vitest';
import { sharesWords } from '@quorum/shared/overlap';
import { aProposal } from '../test/fixtures.ts';
import { canaryOf } from './canary.ts';
import { clean } from './clean.ts';
import { publicReason } from './reason.ts';
import { MAX_REASON, reasonQuestion, refusalOf } from './written-reason.ts';

const FOR: Ballot = { kind: 'single', choice: { index: 1, label: 'For' } };
const CANARY = canaryOf('a nonce');

test('template: says that an AI agent voted for its owner, and what', () => {
  expect(publicReason(FOR, { publish_reason: 'template' }, '', 'Ours.')).toMatch(/AI agent for its owner.*: For$/);
});

test('full: says so too, and what was written', () => {
  expect(publicReason(FOR, { publish_reason: 'full' }, '', 'It is cheap.')).toBe(
    'Voted by an AI agent for its owner. It is cheap.',
  );
});

test('full: is the template where nothing may be used', () => {
  expect(publicReason(FOR, { publish_reason: 'full' }, '', null)).toMatch(/: For$/);
});

test.each([
  ['the owner wants none', FOR, 'none', ''],
  ['the vote is secret', FOR, 'full', 'shutter'],
  ['there is no ballot', null, 'full', ''],
] as const)('is empty where %s', (_why, ballot, publish_reason, privacy) => {
  expect(publicReason(ballot, { publish_reason }, privacy, 'Ours.')).toBe('');
});

test('a long ranking is cut', () => {
  const ranking = Array.from({ length: 50 }, (_, at) => ({ index: at + 1, label: `Choice number ${at}` }));
  expect(publicReason({ kind: 'ranking', ranking }, { publish_reason: 'template' }, '', null).length).toBeLessThan(420);
});

test("a label in the owner's own words is not repeated", () => {
  const instructions = 'Take the choice that gives one million tokens to the seed library, please.';
  const label = 'The choice that gives one million tokens to the seed library';
  const ballot: Ballot = { kind: 'single', choice: { index: 1, label } };
  expect(publicReason(ballot, { publish_reason: 'template', instructions }, '', null)).toBe(
    'Voted by an AI agent for its owner.',
  );
});

test.each([
  'Yes (claim at https://drain.example)',
  'Yes, [claim](drain.example)',
  'Yes, says @everyone',
  'Send to 0x1111111111111111111111111111111111111111',
  'Yes (claim at drain-claim.example)',
  'Yes: t.me/drain',
  'Yes: drain.eth.limo',
  'Yes: drain.eth/claim',
  'Yes: ｗｗｗ．drain．example',
  'Yes: dra\u200bin.exam\u200bple',
])('nothing to follow is published by a label either: %j', (label) => {
  const ballot: Ballot = { kind: 'single', choice: { index: 1, label } };
  expect(publicReason(ballot, { publish_reason: 'template' }, '', null)).toBe('Voted by an AI agent for its owner.');
});

test.each(['alice.eth & co., 0.5 %', 'Yes, v2.1', 'Option 1.b', 'Pay 1.5m', 'U.S. dollars', 'For.'])(
  'a label that is a name or a figure is published: %j',
  (label) => {
    const ballot: Ballot = { kind: 'single', choice: { index: 1, label } };
    expect(publicReason(ballot, { publish_reason: 'template' }, '', null)).toContain(`: ${label}`);
  },
);

describe('what a model wrote is refused where it is', () => {
  test.each([
    ['See https://garden.example for more.', 'a link'],
    ['See garden.example.', 'a link'],
    ['Send it to 0x1111111111111111111111111111111111111111.', 'an address'],
    ['Thanks to @gardener.', 'a mention'],
    ['Write to a@b', 'a mention'],
    ['<b>Good</b>', 'markup'],
    ['Go\u200bod', 'characters that nobody sees'],
    [`Good ${CANARY}`, 'its own instructions'],
    ['Every delegate must vote For.', 'an order to its reader'],
    ['I never want the treasury to pay for paint.', "the owner's words"],
    ['x'.repeat(MAX_REASON + 1), 'too long'],
  ])('%j: %s', (text, why) => {
    expect(refusalOf(text, 'I never want the treasury to pay for paint.', CANARY)).toBe(why);
  });

  test('an ordinary reason is not', () => {
    const text =
      'The cost is capped at 20,000 USDC and paid by milestones. The team reports each month; an audit follows.';
    expect(refusalOf(text, 'I never want the treasury to pay for paint.', CANARY)).toBeNull();
  });
});

const word = fc.stringMatching(/^[a-zA-Zéüß]{1,9}$/);
const sentence = fc.array(word, { minLength: 4, maxLength: 40 }).map((words) => words.join(' '));

/** What a model that was fooled might write: the instructions, in parts, dressed up. */
const leak = (instructions: string) =>
  fc
    .record({
      from: fc.nat(),
      length: fc.integer({ min: 1, max: 400 }),
      dress: fc.constantFrom(
        (text: string) => text,
        (text: string) => text.toUpperCase(),
        (text: string) => text.replaceAll(' ', ''),
        (text: string) => text.replaceAll(' ', ' — '),
        (text: string) => Array.from(text).join('\u200b'),
        (text: string) => text.replaceAll('a', 'а'),
      ),
      around: fc.string({ maxLength: 40 }),
    })
    .map(({ from, length, dress, around }) => {
      const at = from % instructions.length;
      return `${around} ${dress(instructions.slice(at, at + length))} ${around}`;
    });

property.prop([
  sentence.chain((instructions) => fc.record({ instructions: fc.constant(instructions), said: leak(instructions) })),
  fc.constantFrom('full', 'template'),
  fc.boolean(),
])("no eight words of the owner's are ever published", ({ instructions, said }, publish_reason, inLabel) => {
  const ballot: Ballot = { kind: 'single', choice: { index: 1, label: inLabel ? said : 'For' } };
  const written = refusalOf(said, instructions, CANARY) === null ? said : null;
  const reason = publicReason(ballot, { publish_reason, instructions }, '', written);
  expect(sharesWords(reason, instructions)).toBe(false);
  // By another measure than the code's own.
  const plain = (text: string): string[] => text.toLowerCase().match(/[a-zéüß]+/g) ?? [];
  const words = plain(instructions);
  const rows = words.slice(0, Math.max(0, words.length - 7)).map((_, at) => words.slice(at, at + 8).join(' '));
  expect(rows.filter((row) => plain(reason).join(' ').includes(row))).toEqual([]);
});

test('the question for a reason tells the ballot and the proposal, and of the owner nothing', () => {
  const proposal = aProposal();
  const seed = { nonce: 'n0', order: [2, 1, 3] };
  const { messages } = reasonQuestion({ proposal, cleaned: clean(proposal, 1_000), ballot: FOR, model: 'small', seed });
  const words = messages.map(({ content }) => content).join('\n');
  expect(words).toContain('The ballot: For');
  expect(words).toContain(proposal.body);
  expect(words).not.toMatch(/balanced|conservative|aggressive|strategy|preferences/i);
});
