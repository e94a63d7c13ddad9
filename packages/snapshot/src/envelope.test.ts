import { verifyTypedData, Wallet } from 'ethers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recorded } from '../test/recorded.ts';
import { anAddress, anyVote, aProposal } from '../test/samples.ts';
import type { Ballot } from './ballot.ts';
import {
  AliasEnvelope,
  assembleAliasEnvelope,
  assembleEnvelope,
  buildAlias,
  buildVote,
  Envelope,
  envelopeId,
  fitReason,
  type VoteDraft,
} from './envelope.ts';
import { Address, SpaceId } from './proposal.ts';
import { voteId } from './typed-data.ts';

const forIt: Ballot = { kind: 'single', choice: { index: 1, label: 'For' } };

function draft(given: Partial<VoteDraft> = {}): VoteDraft {
  const proposal = aProposal();
  return {
    voter: anAddress(),
    space: proposal.space,
    proposal,
    ballot: forIt,
    reason: 'It keeps the harbour open.',
    app: 'quorum',
    metadata: { agent: true },
    timestamp: 1_795_300_000,
    ...given,
  };
}

const secret = aProposal({ privacy: 'shutter' });

describe('a vote to be signed', () => {
  it('holds what the draft says, metadata as JSON text', () => {
    const vote = draft();
    expect(buildVote(vote).message).toEqual({
      from: vote.voter,
      space: 'harbour.eth',
      timestamp: 1_795_300_000,
      proposal: vote.proposal.id,
      choice: 1,
      reason: 'It keeps the harbour open.',
      app: 'quorum',
      metadata: '{"agent":true}',
    });
  });

  it.for([
    ['for another space than the proposal', { space: SpaceId.parse('other.eth') }, 'wrong_space'],
    ['in the clear on an encrypted proposal', { proposal: secret }, 'not_sealed'],
    ['with a reason on an encrypted proposal', { proposal: secret, sealedChoice: '0xab' }, 'secret_reason'],
    ['encrypted on an open proposal', { sealedChoice: '0xab' }, 'open_proposal'],
    ['with a reason that is too long', { reason: '🗳'.repeat(5_001) }, 'too_long'],
    ['with an app name that is too long', { app: 'a'.repeat(25) }, 'too_long'],
    ['with metadata that is too long', { metadata: { note: 'a'.repeat(2_000) } }, 'too_long'],
    ['in milliseconds and a half', { timestamp: 1_795_300_000.5 }, 'bad_timestamp'],
    [
      'with the label of another choice',
      { ballot: { kind: 'single', choice: { index: 2, label: 'For' } } satisfies Ballot },
      'wrong_label',
    ],
  ] as const)('is refused %s', ([, given, code]) => {
    expect(() => buildVote(draft(given))).toThrow(expect.objectContaining({ code }));
  });

  it('takes a ciphertext as it is, and types it as text', () => {
    const vote = buildVote(draft({ proposal: secret, sealedChoice: '0xab', reason: '' }));
    expect(vote.message.choice).toBe('0xab');
    expect(vote.types.Vote).toContainEqual({ name: 'choice', type: 'string' });
  });

  it.for([
    ['text that fits', 'a'.repeat(5_000), 'a'.repeat(5_000)],
    ['text that is too long', 'a'.repeat(5_001), 'a'.repeat(5_000)],
    // Counted by the sequencer as one character each, by JavaScript as two.
    ['characters of two units', '🗳'.repeat(5_000), '🗳'.repeat(5_000)],
    ['one of them at the edge', `${'a'.repeat(4_999)}🗳b`, `${'a'.repeat(4_999)}🗳`],
  ] as const)('has its reason cut to what the sequencer takes: %s', ([, reason, fitted]) => {
    expect(fitReason(reason)).toBe(fitted);
    expect(buildVote(draft({ reason: fitted })).message.reason).toBe(fitted);
  });

  it('makes, for any ballot, an envelope that its signer signed and that survives being stored', async () => {
    const wallet = Wallet.createRandom();
    const voter = Address.parse(wallet.address);
    await fc.assert(
      fc.asyncProperty(anyVote, async ({ type, choices, ballot }) => {
        const unsigned = buildVote(draft({ voter, proposal: aProposal({ type, choices, scores: [] }), ballot }));
        const sig = await wallet.signTypedData(unsigned.domain, unsigned.types, unsigned.message);
        const envelope = assembleEnvelope(voter, sig, unsigned);
        expect(Envelope.parse(JSON.parse(JSON.stringify(envelope)))).toEqual(envelope);
        const { domain, types, message } = envelope.data;
        expect(verifyTypedData(domain, types, message, envelope.sig)).toBe(voter);
        expect(envelopeId(envelope)).toBe(voteId({ type, privacy: '' }, unsigned.message));
      }),
      { numRuns: 30 },
    );
  });
});

describe('an envelope', () => {
  const body = (): { address: string; sig: string; data: Envelope['data'] } =>
    Envelope.parse(recorded('vote-single-choice').request.body);

  it.for([
    'vote-approval',
    'vote-ranked-choice',
    'vote-weighted-fractional',
    'vote-shutter-weighted-encrypted',
    'alias-vote-after-renewal',
  ])('reads the recorded %s', (name) => {
    expect(Envelope.safeParse(recorded(name).request.body).error).toBeUndefined();
  });

  it('keeps what was signed as it is, rather than mending it', () => {
    const { address, data } = body();
    const lower = { ...body(), data: { ...data, message: { ...data.message, from: address.toLowerCase() } } };
    expect(Envelope.safeParse(lower).success).toBe(false);
    expect(Envelope.safeParse({ ...body(), address: address.toLowerCase() }).success).toBe(false);
  });

  it('has no other key at any level', () => {
    const { data, ...rest } = body();
    for (const more of [
      { ...rest, data, extra: 1 },
      { ...rest, data: { ...data, primaryType: 'Vote' } },
      { ...rest, data: { ...data, domain: { ...data.domain, chainId: 1 } } },
      { ...rest, data: { ...data, message: { ...data.message, extra: '' } } },
    ]) {
      expect(Envelope.safeParse(more).success).toBe(false);
    }
  });

  it('is a vote in the accepted order of fields, whose choice has the type that it says', () => {
    const { data, ...rest } = body();
    const withTypes = (types: unknown): unknown => ({ ...rest, data: { ...data, types } });
    expect(Envelope.safeParse(withTypes({ Vote: data.types.Vote.toReversed() })).success).toBe(false);
    expect(Envelope.safeParse(withTypes({ Vote: data.types.Vote.slice(1) })).success).toBe(false);
    expect(Envelope.safeParse(withTypes({ Proposal: data.types.Vote })).success).toBe(false);
    const listed = { ...rest, data: { ...data, message: { ...data.message, choice: [4] } } };
    expect(Envelope.safeParse(listed).success).toBe(false);
  });
});

describe('an alias envelope', () => {
  it('is signed by the main wallet and carries the alias', async () => {
    const main = Wallet.createRandom();
    const alias = anAddress();
    const from = Address.parse(main.address);
    const unsigned = buildAlias({ from, alias, timestamp: 1_795_300_000 });
    const sig = await main.signTypedData(unsigned.domain, unsigned.types, unsigned.message);
    const envelope = assembleAliasEnvelope(from, sig, unsigned);
    const { domain, types, message } = envelope.data;
    expect(message).toEqual({ from, alias, timestamp: 1_795_300_000 });
    expect(verifyTypedData(domain, types, message, envelope.sig)).toBe(from);
  });

  it('reads the recorded one, and is no vote', () => {
    const { body } = recorded('alias-set').request;
    expect(AliasEnvelope.safeParse(body).success).toBe(true);
    expect(Envelope.safeParse(body).success).toBe(false);
  });
});
