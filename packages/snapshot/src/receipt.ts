/**
 * The receipt: the sequencer's answer to a vote it accepted. It can be checked by anybody, years later and offline: the id
 * follows from the message, and the relayer has signed the voter's signature.
 */
import { verifyMessage } from 'ethers/hash';
import { z } from 'zod';
import { type AliasEnvelope, type Envelope, envelopeId } from './envelope.ts';
import { Address } from './proposal.ts';

export const Receipt = z.object({
  id: z
    .string()
    .regex(/^0x[0-9a-f]{64}$/, { error: 'is not 32 bytes as 0x-hex' })
    .describe('Id of the accepted message: its EIP-712 hash'),
  ipfs: z.string().min(1).describe('Content id under which the message is published'),
  relayer: z
    .object({
      address: Address.describe("The relayer's address"),
      receipt: z
        .string()
        .regex(/^0x[0-9a-fA-F]*$/, { error: 'is not 0x-hex' })
        .describe("The relayer's personal signature over the envelope's signature text"),
    })
    .describe('Who took the message and vouches for it'),
});
export type Receipt = z.infer<typeof Receipt>;

export type ReceiptCheck = { readonly ok: true } | { readonly ok: false; readonly why: string };

/**
 * Whether a receipt belongs to this very envelope.
 * @param relayer where given, the receipt must be this relayer's; without it, any relayer's that the signature proves.
 */
export function checkReceipt(receipt: Receipt, envelope: Envelope | AliasEnvelope, relayer?: Address): ReceiptCheck {
  const id = envelopeId(envelope);
  if (receipt.id !== id) return { ok: false, why: `the receipt is for ${receipt.id}, the message is ${id}` };
  if (relayer !== undefined && receipt.relayer.address !== relayer) {
    return { ok: false, why: `the receipt is by ${receipt.relayer.address}, not by the relayer ${relayer}` };
  }
  const signer = signerOf(envelope.sig, receipt.relayer.receipt);
  if (signer === null) return { ok: false, why: "the relayer's signature cannot be read" };
  if (signer !== receipt.relayer.address) {
    return { ok: false, why: `the receipt was signed by ${signer}, not by ${receipt.relayer.address}` };
  }
  return { ok: true };
}

function signerOf(text: string, signature: string): string | null {
  try {
    return verifyMessage(text, signature);
  } catch {
    // ethers throws in several ways on bytes that are no signature; for a check they all mean the same.
    return null;
  }
}
