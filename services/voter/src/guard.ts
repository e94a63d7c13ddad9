/**
 * The guard: the only code that calls a signer. It signs a Snapshot `Vote`, in Snapshot's domain, for its own voter, in a space
 * that the licence allows, on this proposal, whose choice encodes this ballot, and nothing else. Read it in five minutes; change
 * it with two people.
 *
 * It asks no one: everything that it compares is passed in, and the vote that it signs is built again from the ballot, so that a
 * message that says something else can only be refused.
 */
import { QuorumError } from '@quorum/shared/errors';
import { type Ballot, BallotError } from '@quorum/snapshot/ballot';
import { encodeBallot, messageChoice } from '@quorum/snapshot/encode';
import { assembleEnvelope, type Envelope, type UnsignedVote } from '@quorum/snapshot/envelope';
import type { Proposal } from '@quorum/snapshot/proposal';
import { SNAPSHOT_DOMAIN, voteTypes } from '@quorum/snapshot/typed-data';
import type { Licence } from './signers.ts';

/** Raised where the guard will not sign. It should never happen: it means that a check before it is missing or was got round. */
export class GuardError extends QuorumError {
  constructor(what: string) {
    super('signing', `The guard refused to sign: ${what}.`);
    this.name = 'GuardError';
  }
}

/** Signs a vote, or throws a `GuardError`. `ballot` is the decision's. */
export async function signVote(
  vote: UnsignedVote,
  ballot: Ballot,
  proposal: Proposal,
  licence: Licence,
): Promise<Envelope> {
  const { message } = vote;
  const expect = (holds: boolean, what: string): void => {
    if (!holds) throw new GuardError(what);
  };
  expect(same(vote.domain, SNAPSHOT_DOMAIN), "the domain is not Snapshot's");
  expect(same(vote.types, voteTypes(proposal.type)), 'the types are not those of a vote of this voting type');
  expect(message.from === licence.voter, 'it is for another voter');
  expect(
    licence.allowedSpaces.some((space) => space === message.space),
    'the space is not allowed',
  );
  expect(message.space === proposal.space, 'the proposal is of another space');
  expect(message.proposal === proposal.id, 'it is for another proposal');
  expect(proposal.privacy === '', 'the proposal wants an encrypted choice');
  expect(same(message.choice, choiceOf(ballot, proposal)), "the choice does not encode the decision's ballot");
  return assembleEnvelope(licence.signer.address, await licence.signer.signVote(vote), vote);
}

/** The choice as it is signed; a ballot that is none of this proposal's is refused like any other. */
function choiceOf(ballot: Ballot, proposal: Proposal): ReturnType<typeof messageChoice> {
  try {
    return messageChoice(encodeBallot(ballot, proposal), proposal.type);
  } catch (error) {
    if (error instanceof BallotError) throw new GuardError(error.message);
    throw error;
  }
}

/** Equal to the letter, order of fields included: that is what is hashed. */
function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
