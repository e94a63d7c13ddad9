/** Opens what was sealed with the sandbox's test key, as its keypers would. */
import shutterCrypto from '@shutter-network/shutter-crypto';
import { getBytes, toUtf8String } from 'ethers';
import { decryptionKeyOf } from '../../sandbox/src/sequencer/shutter-keys.ts';
import type { ProposalId } from '../src/proposal.ts';

let loading: Promise<void> | undefined;

/** The choice in a ciphertext. */
export async function openChoice(sealed: string, proposal: ProposalId): Promise<unknown> {
  loading ??= shutterCrypto.init();
  await loading;
  const key = getBytes(decryptionKeyOf(proposal));
  return JSON.parse(toUtf8String(await shutterCrypto.decrypt(getBytes(sealed), key)));
}
