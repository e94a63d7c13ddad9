/**
 * A signer from a key file: an encrypted keystore (v3) with its passphrase in a file of its own, or, with the sandbox only, a
 * plain key. The key is held in one closure and is never a property of anything.
 */
import { readSecretFile } from '@quorum/shared/secret-file';
import { QuorumError } from '@quorum/shared/errors';
import { Address } from '@quorum/snapshot/proposal';
import { Wallet } from 'ethers';
import type { KeySource } from './signer-entry.ts';
import { useNativeScrypt } from './native-scrypt.ts';
import type { Signer } from './signer.ts';

/**
 * Reads and, for a keystore, decrypts a key (half a second of CPU, by scrypt). `live` says whether the sequencer is the real one: a plain
 * key is refused there. Throws a `signing` error that says what to do and holds nothing of the key.
 */
export async function loadSigner(source: KeySource, live: boolean): Promise<Signer> {
  if (source.kind === 'plain' && live) {
    throw new QuorumError(
      'signing',
      `The key file ${source.file} is not encrypted, which is for the sandbox only. Name a keystore_file and a passphrase_file instead.`,
    );
  }
  const wallet = source.kind === 'plain' ? fromPlain(source.file) : await fromKeystore(source);
  return {
    address: Address.parse(wallet.address),
    signVote: ({ domain, types, message }) => wallet.signTypedData(domain, types, message),
  };
}

function fromPlain(file: string): { readonly address: string; signTypedData: Wallet['signTypedData'] } {
  const text = readSecretFile(file);
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text)) {
    throw new QuorumError('signing', `The key file ${file} does not hold 64 hex digits.`);
  }
  try {
    return new Wallet(text.startsWith('0x') ? text : `0x${text}`);
  } catch {
    // What is thrown may quote its input: only the fact is passed on.
    throw new QuorumError('signing', `The key file ${file} holds no valid key.`);
  }
}

async function fromKeystore(source: Extract<KeySource, { kind: 'keystore' }>) {
  const json = readSecretFile(source.file);
  const passphrase = readSecretFile(source.passphraseFile);
  useNativeScrypt();
  try {
    return await Wallet.fromEncryptedJson(json, passphrase);
  } catch {
    // What ethers throws may quote its input: only the fact is passed on.
    throw new QuorumError(
      'signing',
      `The keystore ${source.file} could not be opened with the passphrase in ${source.passphraseFile}.`,
    );
  }
}
