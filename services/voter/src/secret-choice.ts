/**
 * The choice of a secret (Shutter) vote. Encryption is randomised, but the guard must be able to build the choice again, and a
 * crash must lead to the same bytes: so its randomness is derived, by the voter service's own key, from everything that the vote
 * says. Who does not have that key can neither predict nor repeat it; no two votes that differ share it (ADR 15).
 */
import { macOf } from '@quorum/shared/canonical';
import { ValidationError } from '@quorum/shared/errors';
import type { Ballot } from '@quorum/snapshot/ballot';
import { encodeBallot } from '@quorum/snapshot/encode';
import type { Address, Proposal } from '@quorum/snapshot/proposal';
import { canSeal, createShutter, proveShutter, type Shutter, ShutterError } from '@quorum/snapshot/shutter';

const SIGMA_PURPOSE = 'quorum shutter sigma v1';

/** What secret votes are encrypted with: null where no eon's public key is configured. */
export type Sealing = { readonly shutter: Shutter; readonly key: Buffer } | null;

/** Which vote the choice is for. `timestamp` is its message's, so that a vote that is made anew has another ciphertext. */
export type SecretVote = { readonly voter: Address; readonly ballot: Ballot; readonly timestamp: number };

/**
 * The ciphertext of a ballot: the same for the same vote. Throws a `BallotError` where it does not fit the proposal.
 */
export async function secretChoice(
  { voter, ballot, timestamp }: SecretVote,
  proposal: Proposal,
  { shutter, key }: NonNullable<Sealing>,
): Promise<string> {
  const choice = encodeBallot(ballot, proposal);
  const { id, space } = proposal;
  const drawnFrom = { eon: shutter.eonPublicKey, voter, space, proposal: id, timestamp, choice };
  return shutter.seal(choice, id, Buffer.from(macOf(SIGMA_PURPOSE, drawnFrom, key), 'hex'));
}

/** What the configured key encrypts with. Throws a `validation` error where nothing can be encrypted with that key. */
export async function loadSealing(eonPublicKey: string | undefined, key: Buffer): Promise<Sealing> {
  if (eonPublicKey === undefined) return null;
  const shutter = createShutter(eonPublicKey);
  try {
    await proveShutter(shutter);
  } catch (error) {
    if (!(error instanceof ShutterError)) throw error;
    throw new ValidationError(`SHUTTER_EON_PUBLIC_KEY is no key that can be encrypted with (${error.message}).`);
  }
  return { shutter, key };
}

/** Why no secret vote can be cast on this proposal, in words for the owner; null where one can. */
export function whyNotSecret({ id }: Proposal, sealing: Sealing): string | null {
  if (sealing === null) return 'its votes are encrypted (Shutter); set SHUTTER_EON_PUBLIC_KEY';
  return canSeal(id) ? null : 'its votes are encrypted (Shutter), and its id is none that can be encrypted for';
}
