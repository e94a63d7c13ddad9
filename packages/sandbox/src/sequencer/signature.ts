/** Whether a message was signed by its envelope's address: by a key, or as a contract wallet sees it (EIP-1271). */
import { hexlify, keccak256 } from 'ethers';
import { recover as recoverPoint } from 'tiny-secp256k1';
import type { LiveWorld } from '../live-world.ts';

const HEX = /^0x(?:[0-9a-fA-F]{2})*$/;

export type Signed = { readonly address: string; readonly sig: string | readonly string[] };

/** `network` is the chain on which a contract wallet is asked. */
export function isSigned({ address, sig }: Signed, hash: Uint8Array, network: string, world: LiveWorld): boolean {
  // A list of numbers is how Starknet signs; nothing here verifies that.
  if (typeof sig !== 'string' || !HEX.test(sig)) return false;
  if (recover(hash, sig) === address.toLowerCase()) return true;
  const wallet = world.contractWallet(address, network);
  if (!wallet) return false;
  switch (wallet.approves) {
    case 'all':
      return true;
    case 'none':
    case 'fail':
      return false;
    default: {
      const wanted = hexlify(hash);
      return wallet.approves.some((approved) => approved.toLowerCase() === wanted);
    }
  }
}

/**
 * The lower-case address whose key made the signature, or null. Takes what the real sequencer takes: 65 bytes with v of 0, 1 or
 * 27 and up, 64 bytes (EIP-2098), and a high s.
 *
 * By libsecp256k1 in WebAssembly: recovering is most of what a vote costs here, and this takes a fifth of the time.
 */
export function recover(hash: Uint8Array, sig: string): string | null {
  const parts = split(Buffer.from(sig.slice(2), 'hex'));
  if (!parts) return null;
  try {
    const key = recoverPoint(hash, parts.rs, parts.parity, false);
    // 0x04, then the point: an address is the last 20 bytes of the point's hash.
    return key && `0x${keccak256(key.subarray(1)).slice(-40)}`;
  } catch {
    // It throws on numbers that are no signature over anything.
    return null;
  }
}

type Parts = { readonly rs: Uint8Array; readonly parity: 0 | 1 };

function split(bytes: Buffer): Parts | null {
  if (bytes.length !== 64 && bytes.length !== 65) return null;
  const rs = Uint8Array.from(bytes.subarray(0, 64));
  const first = rs[32] ?? 0;
  if (bytes.length === 64) {
    // EIP-2098: the parity is the top bit of s.
    rs[32] = first & 0x7f;
    return { rs, parity: first > 0x7f ? 1 : 0 };
  }
  const v = bytes[64] ?? 0;
  if (v > 1 && v < 27) return null;
  const odd = v < 27 ? v === 1 : v % 2 === 0;
  return { rs, parity: odd ? 1 : 0 };
}
