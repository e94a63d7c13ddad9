/** The owners' licences to vote: their entries (`signer-entry.ts`) with the signers loaded. */
import { QuorumError } from '@quorum/shared/errors';
import type { OwnerId } from '@quorum/shared/ids';
import type { Address, SpaceId } from '@quorum/snapshot/proposal';
import { readSignerEntries, type SignerEntry } from './signer-entry.ts';
import { loadSigner } from './signer-key.ts';
import type { Signer } from './signer.ts';
import type { SignersConfig } from './signers-config.ts';

/** One owner's licence to vote. */
export type Licence = {
  readonly owner: OwnerId;
  readonly voter: Address;
  readonly kind: 'alias' | 'own_key';
  readonly allowedSpaces: readonly SpaceId[];
  readonly votesPerDay: number;
  readonly signer: Signer;
};

export type SignersOptions = { readonly live: boolean; readonly allowMainKey: boolean };

/** Loads every signer that the configuration names. Throws a `signing` error that says what to mend. */
export async function loadLicences(config: SignersConfig, live: boolean): Promise<ReadonlyMap<OwnerId, Licence>> {
  const licences = new Map<OwnerId, Licence>();
  for (const entry of readSignerEntries(config)) {
    licences.set(entry.owner, await loadLicence(entry, { live, allowMainKey: config.ALLOW_MAIN_KEY }));
  }
  return licences;
}

/** Loads the signer of one entry and holds its address against the entry. Throws as above. */
export async function loadLicence(entry: SignerEntry, options: SignersOptions): Promise<Licence> {
  const { owner, voter, kind, allowedSpaces, votesPerDay, from } = entry;
  if (kind === 'own_key' && !options.allowMainKey) {
    throw new QuorumError(
      'signing',
      `${from}: ${owner} signs with the voter's own key. Use an alias, or set ALLOW_MAIN_KEY=1 to accept the risk.`,
    );
  }
  const signer = await loadSigner(entry.key, options.live);
  if ((signer.address === voter) !== (kind === 'own_key')) {
    throw new QuorumError(
      'signing',
      `${from}: ${owner}: the key is that of ${signer.address}, which does not fit kind ${kind} and voter ${voter}.`,
    );
  }
  return { owner, voter, kind, allowedSpaces, votesPerDay, signer };
}
