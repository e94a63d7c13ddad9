/** Whether a message was signed by its envelope's address: by a key, or as a contract wallet sees it (EIP-1271). */
import { dataSlice, hexlify, keccak256, SigningKey, toBeHex } from 'ethers';
import type { LiveWorld } from '../live-world.ts';

/** The order of secp256k1's group. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
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
 */
export function recover(hash: Uint8Array, sig: string): string | null {
  const parts = split(sig);
  if (!parts) return null;
  try {
    const key = SigningKey.recoverPublicKey(hash, parts);
    // 0x04, then the point: an address is the last 20 bytes of the point's hash.
    return `0x${keccak256(dataSlice(key, 1)).slice(-40)}`;
  } catch {
    // ethers throws on numbers that are no signature over anything.
    return null;
  }
}

type Parts = { readonly r: string; readonly s: string; readonly yParity: 0 | 1 };

function split(sig: string): Parts | null {
  const bytes = (sig.length - 2) / 2;
  if (bytes !== 64 && bytes !== 65) return null;
  const r = sig.slice(0, 66);
  const word = BigInt(`0x${sig.slice(66, 130)}`);
  if (bytes === 64) return { r, s: toBeHex(BigInt.asUintN(255, word), 32), yParity: word >> 255n === 0n ? 0 : 1 };
  const v = Number.parseInt(sig.slice(130), 16);
  if (v > 1 && v < 27) return null;
  const odd = v < 27 ? v === 1 : v % 2 === 0;
  // (r, n - s) with the other parity is the same signature, in the form that ethers takes.
  const low = word <= ORDER / 2n || word >= ORDER;
  return { r, s: toBeHex(low ? word : ORDER - word, 32), yParity: odd === low ? 1 : 0 };
}
