/**
 * What signs. The narrowest interface that a vote needs: nothing outside the guard holds one, and nothing of it can be
 * serialised.
 */
import type { UnsignedVote } from '@quorum/snapshot/envelope';
import type { Address } from '@quorum/snapshot/proposal';

export type Signer = {
  /** The address that the signature recovers to: the voter's own, or an alias of it. */
  readonly address: Address;
  /** Signs a vote (EIP-712). The same vote always gives the same signature. */
  signVote(vote: UnsignedVote): Promise<string>;
};
