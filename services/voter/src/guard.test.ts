import { randomBytes } from 'node:crypto';
import { fc, test } from '@fast-check/vitest';
import type { Ballot } from '@quorum/snapshot/ballot';
import { buildVote, type UnsignedVote } from '@quorum/snapshot/envelope';
import type { Proposal } from '@quorum/snapshot/proposal';
import { VOTING_TYPES } from '@quorum/snapshot/proposal';
import { createShutter } from '@quorum/snapshot/shutter';
import { ALIAS_TYPES } from '@quorum/snapshot/typed-data';
import { verifyTypedData, Wallet } from 'ethers';
import { describe, expect } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { EON_PUBLIC_KEY } from '../../../packages/sandbox/src/sequencer/shutter-keys.ts';
import { aProposal, anAddress, anyVote } from '../../../packages/snapshot/test/samples.ts';
import { aLicence } from '../test/licence.ts';
import { ballotOf } from '../test/stand.ts';
import { GuardError, signVote } from './guard.ts';
import type { Sealing } from './secret-choice.ts';
import type { Licence } from './signers.ts';

const sealing: Sealing = { shutter: createShutter(EON_PUBLIC_KEY), key: randomBytes(32) };

function aVote(licence: Licence, proposal: Proposal, ballot: Ballot): UnsignedVote {
  return buildVote({
    voter: licence.voter,
    space: proposal.space,
    proposal,
    ballot,
    reason: 'because',
    app: 'quorum',
    metadata: { agent: true },
    timestamp: proposal.start + 1,
  });
}

describe.each(VOTING_TYPES)('a vote on a proposal of type %s', (type) => {
  test('is signed by the licence’s signer, and the signature recovers to it', async () => {
    const licence = aLicence();
    const proposal = aProposal({ type });
    const ballot = ballotOf(type);
    const vote = aVote(licence, proposal, ballot);
    const { address, sig, data } = await signVote(vote, ballot, proposal, licence, sealing);
    expect(address).toBe(licence.signer.address);
    expect(verifyTypedData(data.domain, data.types, data.message, sig)).toBe(licence.signer.address);
    expect(data.message).toEqual(vote.message);
  });

  test('is refused where it says another ballot than the decision', async () => {
    const licence = aLicence();
    const proposal = aProposal({ type });
    const vote = aVote(licence, proposal, ballotOf(type, 1));
    await expect(signVote(vote, ballotOf(type, 2), proposal, licence, sealing)).rejects.toThrow(GuardError);
  });
});

describe('the guard refuses', () => {
  const proposal = aProposal();
  const ballot = ballotOf('basic');
  const other = anAddress();
  const swapped = (vote: UnsignedVote): UnsignedVote['types'] => {
    const [first, second, ...rest] = vote.types.Vote;
    return { Vote: [second ?? { name: '', type: '' }, first ?? { name: '', type: '' }, ...rest] };
  };
  type Alter = (vote: UnsignedVote) => { domain: object; types: object; message: object };
  const alterations: readonly [string, Alter][] = [
    ['another domain name', (vote) => ({ ...vote, domain: { ...vote.domain, name: 'permit' } })],
    ['another domain version', (vote) => ({ ...vote, domain: { ...vote.domain, version: '0.1.5' } })],
    ['a domain with a chain', (vote) => ({ ...vote, domain: { ...vote.domain, chainId: 1 } })],
    ['a domain in another order', (vote) => ({ ...vote, domain: { version: '0.1.4', name: 'snapshot' } })],
    ['types in another order', (vote) => ({ ...vote, types: swapped(vote) })],
    [
      'types of another choice',
      (vote) => ({ ...vote, types: aVote(aLicence(), aProposal({ type: 'approval' }), ballotOf('approval')).types }),
    ],
    ['types of an alias', (vote) => ({ ...vote, types: ALIAS_TYPES })],
    ['types with a second primary type', (vote) => ({ ...vote, types: { ...vote.types, ...ALIAS_TYPES } })],
    ['another voter', (vote) => ({ ...vote, message: { ...vote.message, from: other } })],
    [
      'the voter in lower case',
      (vote) => ({ ...vote, message: { ...vote.message, from: vote.message.from.toLowerCase() } }),
    ],
    ['a space that is not allowed', (vote) => ({ ...vote, message: { ...vote.message, space: 'other.eth' } })],
    ['another allowed space', (vote) => ({ ...vote, message: { ...vote.message, space: 'second.eth' } })],
    ['another proposal', (vote) => ({ ...vote, message: { ...vote.message, proposal: `0x${'5f'.repeat(32)}` } })],
    ['another choice', (vote) => ({ ...vote, message: { ...vote.message, choice: 2 } })],
    ['the choice as text', (vote) => ({ ...vote, message: { ...vote.message, choice: '1' } })],
    ['the choice in a list', (vote) => ({ ...vote, message: { ...vote.message, choice: [1] } })],
    ['no choice', (vote) => ({ ...vote, message: { ...vote.message, choice: 0 } })],
  ];
  test.each(alterations)('%s', async (_what, alter) => {
    const licence = aLicence({ allowedSpaces: ['harbour.eth', 'second.eth'] });
    let signatures = 0;
    const counting: Licence = {
      ...licence,
      signer: {
        address: licence.signer.address,
        signVote: (vote) => {
          signatures += 1;
          return licence.signer.signVote(vote);
        },
      },
    };
    const altered = JSON.parse(JSON.stringify(alter(aVote(licence, proposal, ballot))));
    await expect(signVote(altered, ballot, proposal, counting, sealing)).rejects.toThrow(GuardError);
    expect(signatures).toBe(0);
  });

  test('a licence for no space of this proposal', async () => {
    const licence = aLicence({ allowedSpaces: ['other.eth'] });
    await expect(signVote(aVote(licence, proposal, ballot), ballot, proposal, licence, sealing)).rejects.toThrow(
      /not allowed/,
    );
  });

  test('the ballot of another proposal, although its index is right', async () => {
    const licence = aLicence();
    const renamed = aProposal({ choices: ['Against', 'For', 'Abstain'] });
    const vote = aVote(licence, proposal, ballot);
    await expect(signVote(vote, ballot, renamed, licence, sealing)).rejects.toThrow(GuardError);
  });

  test('a field that is not Snapshot’s', async () => {
    const licence = aLicence();
    const vote = aVote(licence, proposal, ballot);
    const more = JSON.parse(JSON.stringify({ ...vote, message: { ...vote.message, more: 'x' } }));
    await expect(signVote(more, ballot, proposal, licence, sealing)).rejects.toThrow();
  });
});

describe('the guard signs', () => {
  const proposal = aProposal();
  const ballot = ballotOf('basic');
  const signed = (change: Partial<UnsignedVote['message']>) => {
    const own = aLicence();
    const vote = aVote(own, proposal, ballot);
    return signVote({ ...vote, message: { ...vote.message, ...change } }, ballot, proposal, own, sealing);
  };

  test('an open vote that names its evidence', async () => {
    const metadata = '{"agent":true,"evidence":"ab"}';
    expect(await signed({ metadata })).toMatchObject({ data: { message: { metadata } } });
  });

  test('from the second after the start to the second of the end, and not outside', async () => {
    const at = (timestamp: number) => signed({ timestamp });
    expect(await at(proposal.start + 1)).toMatchObject({ data: { message: { timestamp: proposal.start + 1 } } });
    expect(await at(proposal.end)).toMatchObject({ data: { message: { timestamp: proposal.end } } });
    const refused = { name: 'GuardError', category: 'signing', message: expect.stringContaining('the voting window') };
    await expect(at(proposal.start)).rejects.toMatchObject(refused);
    await expect(at(proposal.end + 1)).rejects.toMatchObject(refused);
  });
});

const licence = aLicence();

test.prop([anyVote, anyVote], { numRuns: runs(100) })(
  'signs a draft if and only if its choice encodes the decision’s ballot on this proposal',
  async (meant, said) => {
    const proposal = aProposal({ type: meant.type, choices: meant.choices });
    const vote = aVote(licence, proposal, meant.ballot);
    const envelope = await signVote(vote, meant.ballot, proposal, licence, sealing);
    expect(verifyTypedData(envelope.data.domain, envelope.data.types, envelope.data.message, envelope.sig)).toBe(
      licence.signer.address,
    );
    const elsewhere = aProposal({ type: said.type, choices: said.choices });
    const other = aVote(licence, elsewhere, said.ballot);
    const equal = JSON.stringify([other.types, other.message]) === JSON.stringify([vote.types, vote.message]);
    const signed = signVote(other, meant.ballot, proposal, licence, sealing);
    if (equal) await expect(signed).resolves.toEqual(envelope);
    else await expect(signed).rejects.toThrow(GuardError);
  },
);

test.prop(
  [anyVote, fc.integer({ min: 1_795_000_101, max: 1_795_600_000 }), fc.string({ unit: 'grapheme', maxLength: 100 })],
  {
    numRuns: runs(60),
  },
)(
  'the same vote gives the same bytes, again and from a signer that was loaded anew: exactly-once stands on it',
  async ({ type, choices, ballot }, timestamp, reason) => {
    const key = Wallet.createRandom().privateKey;
    const proposal = aProposal({ type, choices });
    const one = aLicence({ key });
    const vote = buildVote({
      voter: one.voter,
      space: proposal.space,
      proposal,
      ballot,
      reason,
      app: 'quorum',
      metadata: { agent: true },
      timestamp,
    });
    const first = await signVote(vote, ballot, proposal, one, sealing);
    const again = await signVote(vote, ballot, proposal, one, sealing);
    const restarted = aLicence({ key, voter: one.voter });
    // As it comes back from the ledger: through JSON.
    const stored = JSON.parse(JSON.stringify(vote));
    const anew = await signVote(stored, ballot, proposal, restarted, sealing);
    expect(JSON.stringify(again)).toBe(JSON.stringify(first));
    expect(JSON.stringify(anew)).toBe(JSON.stringify(first));
  },
);
