/** The receipt that the sequencer answers with: it can be checked by whoever gets it. */
import { createHash } from 'node:crypto';
import { getBytes, hashMessage, hexlify, type Wallet } from 'ethers';
import { signRecoverable } from 'tiny-secp256k1';

export type SequencerReceipt = {
  /** EIP-712 hash of the message. */
  readonly id: string;
  /** CIDv1 of the envelope. */
  readonly ipfs: string;
  /** `receipt` is the relayer's personal signature over the envelope's signature string. */
  readonly relayer: { readonly address: string; readonly receipt: string };
};

export function makeReceipt(relayer: Wallet, id: string, sig: string, envelope: string): SequencerReceipt {
  return {
    id,
    ipfs: contentId(envelope),
    relayer: { address: relayer.address, receipt: personalSignature(relayer, sig) },
  };
}

/** As `relayer.signMessageSync` would make it, in a third of the time. */
function personalSignature(relayer: Wallet, text: string): string {
  const { signature, recoveryId } = signRecoverable(getBytes(hashMessage(text)), getBytes(relayer.privateKey));
  return hexlify(Uint8Array.of(...signature, 27 + recoveryId));
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** A CID of version 1, raw codec, SHA-256, in base32: `bafkrei…`. */
function contentId(content: string): string {
  const digest = createHash('sha256').update(content).digest();
  const bytes = Buffer.concat([Buffer.from([0x01, 0x55, 0x12, 0x20]), digest]);
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  let text = '';
  for (let at = 0; at < bits.length; at += 5) {
    text += BASE32.charAt(Number.parseInt(bits.slice(at, at + 5).padEnd(5, '0'), 2));
  }
  return `b${text}`;
}
