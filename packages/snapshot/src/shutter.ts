/**
 * Shutter: choices that stay encrypted until the vote has ended. A choice is encrypted for the proposal's id with the public key
 * of an _eon_, a group of keypers, who give out the proposal's key once it is closed. The sequencer cannot look inside: it takes
 * any `0x…`, and what does not decrypt never counts. So the key must be right, and the text must be what Snapshot's own site
 * encrypts: the JSON of the choice.
 */
import { getBytes, hexlify } from 'ethers/utils';
import { z } from 'zod';
import type { EncodedChoice } from './encode.ts';
import { ProposalId } from './proposal.ts';

/** An eon's public key: a point of G2 on BN254, 128 bytes. The library takes the neutral point too, which hides nothing. */
export const EonPublicKey = z
  .string()
  .regex(/^0x[0-9a-fA-F]{256}$/, { error: 'is not 0x and 256 hex digits' })
  .refine((key) => !/^0x0*$/.test(key), { error: 'is no key: it is zero' })
  .transform((key) => key.toLowerCase());

/** Whether Shutter can encrypt for this id: it takes 32 bytes, which the ids of old proposals (IPFS hashes) are not. */
export function canSeal(proposal: ProposalId): boolean {
  return /^0x[0-9a-fA-F]{64}$/.test(proposal);
}

/** The library would not encrypt: a key that is no point of the curve, or sigma of another length than 32 bytes. */
export class ShutterError extends Error {
  override readonly name = 'ShutterError';
}

export interface Shutter {
  readonly eonPublicKey: string;
  /**
   * The ciphertext of a choice, 0x and hex. `sigma`, 32 bytes, is all its randomness: the same input gives the same bytes, and
   * whoever knows sigma can read the choice. Takes 70 ms of CPU. Throws `ShutterError`.
   */
  seal(choice: EncodedChoice, proposal: ProposalId, sigma: Uint8Array): Promise<string>;
}

/** Encryption for one eon. The WebAssembly (300 KB) is loaded at the first use: most proposals are open. */
export function createShutter(eonPublicKey: string): Shutter {
  let loading: ReturnType<typeof load> | null = null;
  return {
    eonPublicKey,
    async seal(choice, proposal, sigma) {
      loading ??= load();
      const shutter = await loading;
      const text = new TextEncoder().encode(JSON.stringify(choice));
      try {
        return hexlify(await shutter.encrypt(text, getBytes(eonPublicKey), getBytes(proposal), sigma));
      } catch (thrown) {
        // It throws strings.
        throw new ShutterError(String(thrown), { cause: thrown });
      }
    },
  };
}

async function load() {
  const { default: shutter } = await import('@shutter-network/shutter-crypto');
  await shutter.init();
  return shutter;
}

/** Throws `ShutterError` where the key of this eon cannot be encrypted with. That it is the right one nobody can tell before. */
export async function proveShutter(shutter: Shutter): Promise<void> {
  await shutter.seal(1, ProposalId.parse(`0x${'01'.repeat(32)}`), new Uint8Array(32));
}
