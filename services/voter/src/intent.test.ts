import { randomBytes } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import { buildVote } from '@quorum/snapshot/envelope';
import { describe, expect } from 'vitest';
import { aHash, aProposalId } from '../../../packages/shared/test/samples.ts';
import { aProposal, anAddress, anyVote } from '../../../packages/snapshot/test/samples.ts';
import { ballotOf } from '../test/stand.ts';
import { Intent, intentVoteId, isOurVote, openIntent, sealIntent, unsignedOf, voteMetadata } from './intent.ts';

const key = randomBytes(32);
const voter = anAddress();

function anIntent(proposal = aProposal(), ballot = ballotOf(proposal.type)): Intent {
  const { message } = buildVote({
    voter,
    space: proposal.space,
    proposal,
    ballot,
    reason: 'because',
    app: 'quorum',
    metadata: voteMetadata(
      {
        voter,
        space: proposal.space,
        proposal: proposal.id,
        evidence: aHash(),
        auditHead: aHash(),
        castAtMs: 1_795_000_000_000,
      },
      key,
    ),
    timestamp: 1_795_000_101,
  });
  return Intent.parse({ message, ballot, inputs_hash: aHash() });
}

describe('an intent', () => {
  test.prop([anyVote], { numRuns: 100 })('comes back from the ledger as it was stored', ({ type, choices, ballot }) => {
    const proposal = aProposal({ type, choices });
    const intent = anIntent(proposal, ballot);
    const opened = openIntent(sealIntent(intent, key), key);
    expect(opened).toEqual(intent);
    expect(opened === null ? '' : intentVoteId(opened, proposal)).toBe(intentVoteId(intent, proposal));
  });

  const sealed = sealIntent(anIntent(), key);
  test.prop([fc.nat({ max: sealed.length - 1 }), fc.string({ minLength: 1, maxLength: 1, unit: 'grapheme-ascii' })], {
    numRuns: 300,
  })('with any character altered is refused, or still says the same', (at, character) => {
    const altered = sealed.slice(0, at) + character + sealed.slice(at + 1);
    const opened = openIntent(altered, key);
    // Only the spelling may differ: white space, the case of an address.
    if (opened !== null) expect(opened).toEqual(openIntent(sealed, key));
  });

  const { message, ballot } = anIntent();
  const fields = [
    ...Object.keys(message).map((name) => ({ part: 'message', name })),
    { part: 'ballot', name: 'kind' },
    { part: 'ballot', name: 'choice' },
  ];
  test.each(fields)('with its $part.$name altered is refused', ({ part, name }) => {
    const values: Record<string, unknown> = {
      from: anAddress(),
      timestamp: 1_795_000_102,
      choice: part === 'message' ? 2 : { index: 2, label: 'Against' },
      kind: 'approval',
    };
    const changed = {
      message: { ...message, ...(part === 'message' ? { [name]: values[name] ?? 'x' } : {}) },
      ballot: { ...ballot, ...(part === 'ballot' ? { [name]: values[name] ?? 'x' } : {}) },
    };
    const stored: { mac: string } = JSON.parse(sealed);
    expect(openIntent(JSON.stringify({ intent: changed, mac: stored.mac }), key)).toBeNull();
  });

  test.each(['', '{', 'null', '[]', '{"intent":null,"mac":""}', '{"intent":{"message":"\\ud800"},"mac":"x"}'])(
    'that reads %s is refused',
    (text) => {
      expect(openIntent(text, key)).toBeNull();
    },
  );

  test('with text that has no canonical form is refused', () => {
    const broken = { intent: { message: { ...message, reason: '\ud800' }, ballot }, mac: aHash() };
    expect(openIntent(JSON.stringify(broken), key)).toBeNull();
  });

  test('under another key, or with a field beside it, is refused', () => {
    expect(openIntent(sealed, randomBytes(32))).toBeNull();
    expect(openIntent(JSON.stringify({ ...JSON.parse(sealed), more: 1 }), key)).toBeNull();
  });

  test('is signed as the vote that it holds', () => {
    const proposal = aProposal();
    const intent = anIntent(proposal);
    expect(unsignedOf(intent, proposal).message).toEqual(intent.message);
  });
});

describe('the code in a vote’s metadata', () => {
  const where = { voter, space: 'harbour.eth', proposal: aProposalId() };
  const metadata = voteMetadata({ ...where, evidence: aHash(), auditHead: aHash(), castAtMs: Date.now() }, key);
  const throughTheHub: unknown = JSON.parse(JSON.stringify(metadata));

  test('is known again', () => {
    expect(isOurVote(throughTheHub, where, key)).toBe(true);
  });
  test.each([
    ['another proposal', { ...where, proposal: aProposalId() }],
    ['another space', { ...where, space: 'other.eth' }],
    ['another voter', { ...where, voter: anAddress() }],
  ])('does not pass for %s', (_what, elsewhere) => {
    expect(isOurVote(throughTheHub, elsewhere, key)).toBe(false);
  });
  test('does not pass under another key', () => {
    expect(isOurVote(throughTheHub, where, randomBytes(32))).toBe(false);
  });
  test.each(['agent', 'evidence', 'audit_head', 'cast_at', 'mac'])('does not pass with %s altered or gone', (name) => {
    const other: Record<string, unknown> = {
      agent: false,
      evidence: aHash(),
      audit_head: aHash(),
      cast_at: '2020-01-01T00:00:00.000Z',
      mac: aHash(),
    };
    expect(isOurVote({ ...metadata, [name]: other[name] }, where, key)).toBe(false);
    expect(isOurVote({ ...metadata, [name]: undefined }, where, key)).toBe(false);
  });
  test.prop([fc.anything({ withUnicodeString: true, withBigInt: true, withNullPrototype: true })])(
    'is not found in junk, and junk breaks nothing',
    (junk) => {
      expect(isOurVote(junk, where, key)).toBe(false);
    },
  );
  test.prop([
    fc.record({
      agent: fc.constant(true),
      evidence: fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\ud800'), fc.constant(aHash())),
      audit_head: fc.oneof(fc.string({ unit: 'binary' }), fc.constant(aHash())),
      cast_at: fc.oneof(
        fc.constantFrom(
          '0000-01-01T00:00:00Z',
          '9999-12-31T23:59:59.999999Z',
          '2026-02-29T00:00:00Z',
          '2026-06-30T23:59:60Z',
        ),
        fc.string(),
      ),
      mac: fc.oneof(fc.constant(aHash()), fc.string()),
    }),
  ])('is not found in what only looks like it', (junk) => {
    expect(isOurVote(junk, where, key)).toBe(false);
  });
});
