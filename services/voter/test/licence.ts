/** A licence with an alias whose key is in memory, for what needs no key file. */
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { Wallet } from 'ethers';
import { anOwner } from '../../../packages/shared/test/samples.ts';
import type { Licence } from '../src/signers.ts';

export function aLicence(
  given: { readonly allowedSpaces?: readonly string[]; readonly key?: string; readonly voter?: Address } = {},
): Licence {
  const wallet = new Wallet(given.key ?? Wallet.createRandom().privateKey);
  return {
    owner: anOwner(),
    voter: given.voter ?? Address.parse(Wallet.createRandom().address),
    kind: 'alias',
    allowedSpaces: (given.allowedSpaces ?? ['harbour.eth']).map((space) => SpaceId.parse(space)),
    votesPerDay: 50,
    signer: {
      address: Address.parse(wallet.address),
      signVote: ({ domain, types, message }) => wallet.signTypedData(domain, types, message),
    },
  };
}
