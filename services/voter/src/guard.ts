/**
 * The guard: the only code that calls a signer. It signs a Snapshot `Vote`, in Snapshot's domain, for its own voter, in a space
 * that the licence allows, on this proposal, whose choice encodes this ballot, and nothing else. Read it in five minutes; change
 * it with two people.
 *
 * It asks no one: everything that it compares is passed in, and the choice that it signs is built again from the ballot, encrypted
 * where the vote is secret, so that a message that says something else can only be refused. Of a secret vote it lets nothing else
 * be published that could tell the choice.
 */
import { QuorumError } from '@quorum/shared/errors';
import { type Ballot, BallotError } from '@quorum/snapshot/ballot';
import { encodeBallot, messageChoice } from '@quorum/snapshot/encode';
import { assembleEnvelope, type Envelope, type UnsignedVote } from '@quorum/snapshot/envelope';
import type { Proposal } from '@quorum/snapshot/proposal';
import { SNAPSHOT_DOMAIN, type VoteMessage, voteTypes } from '@quorum/snapshot/typed-data';
import { type Sealing, secretChoice, type SecretVote, whyNotSecret } from './secret-choice.ts';
import type { Licence } from './signers.ts';

/** Raised where the guard will not sign. It should never happen: it means that a check before it is missing or was got round. */
export class GuardError extends QuorumError {
  constructor(what: string) {
    super('signing', `The guard refused to sign: ${what}.`);
    this.name = 'GuardError';
  }
}

/** Signs a vote, or throws a `GuardError`. `ballot` is the decision's; `sealing` is for secret votes. */
export async function signVote(
  vote: UnsignedVote,
  ballot: Ballot,
  proposal: Proposal,
  licence: Licence,
  sealing: Sealing,
): Promise<Envelope> {
  const { message } = vote;
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw new GuardError(what);
  };
  expect(same(vote.domain, SNAPSHOT_DOMAIN), "the domain is not Snapshot's");
  expect(same(vote.types, voteTypes(proposal)), 'the types are not those of a vote of this voting type');
  const fields = voteTypes(proposal).Vote.map(({ name }) => name);
  expect(same(Object.keys(message).toSorted(), fields.toSorted()), 'it has other fields than a vote');
  expect(message.from === licence.voter, 'it is for another voter');
  expect(
    licence.allowedSpaces.some((space) => space === message.space),
    'the space is not allowed',
  );
  expect(message.space === proposal.space, 'the proposal is of another space');
  expect(message.proposal === proposal.id, 'it is for another proposal');
  const { timestamp } = message;
  expect(proposal.start < timestamp && timestamp <= proposal.end, 'it is dated outside the voting window');
  expect(proposal.privacy === '' || message.reason === '', 'a secret vote has a reason');
  expect(proposal.privacy === '' || !namesEvidence(message.metadata), 'a secret vote names its evidence');
  const choice = await choiceOf({ voter: licence.voter, ballot, timestamp }, proposal, sealing);
  expect(same(message.choice, choice), "the choice does not encode the decision's ballot");
  return assembleEnvelope(licence.signer.address, await licence.signer.signVote(vote), vote);
}

/** The choice as it is signed; a ballot that is none of this proposal's is refused like any other. */
async function choiceOf(vote: SecretVote, proposal: Proposal, sealing: Sealing): Promise<VoteMessage['choice']> {
  try {
    if (proposal.privacy === '') return messageChoice(encodeBallot(vote.ballot, proposal), proposal.type);
    const why = whyNotSecret(proposal, sealing);
    if (sealing === null || why !== null) throw new GuardError(why ?? 'nothing encrypts');
    return await secretChoice(vote, proposal, sealing);
  } catch (error) {
    if (error instanceof BallotError) throw new GuardError(error.message);
    throw error;
  }
}

/** Whether metadata leads to the record of the decision; what cannot be read counts as if it did. */
function namesEvidence(metadata: string): boolean {
  try {
    const told: unknown = JSON.parse(metadata);
    return typeof told !== 'object' || told === null || 'evidence' in told;
  } catch {
    return true;
  }
}

/** Equal to the letter, order of fields included: that is what is hashed. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
