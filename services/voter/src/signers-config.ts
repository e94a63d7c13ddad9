/**
 * The settings that say who may vote with what: the file `signers.json`, or variables for a single owner. `signer-entry.ts`
 * holds both together.
 */
import { OwnerConfig } from '@quorum/shared/config';
import { managed } from '@quorum/shared/settings';
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';

export const SignerKind = z
  .enum(['alias', 'own_key'])
  .describe('alias (default): a key that the voter lets sign on Snapshot; own_key: the voter’s own');
export const VotesPerDay = z.int().min(1).max(10_000).describe('Votes per UTC day, at most; 50 where it is not said');

const SpaceList = z
  .string()
  .transform((text) => text.split(',').map((name) => name.trim()))
  .transform((names) => names.filter((name) => name !== ''))
  .pipe(z.array(SpaceId).min(1, { error: 'names no space' }));

export const SignersConfig = z.object({
  SIGNERS_FILE: managed(
    z
      .string()
      .optional()
      .describe('File that names each owner’s voter address, signer, allowed spaces and votes per day'),
  ),
  ...OwnerConfig.shape,
  VOTER_ADDRESS: Address.optional().describe('Single owner: the address that votes for OWNER_ID'),
  SIGNER_KIND: SignerKind.optional(),
  SIGNER_KEYSTORE_FILE: z.string().optional().describe('Single owner: the encrypted keystore (version 3)'),
  SIGNER_PASSPHRASE_FILE: z.string().optional().describe('Single owner: file with the passphrase of the keystore'),
  ALLOWED_SPACES: SpaceList.optional().describe('Single owner: the spaces in which it may vote, separated by commas'),
  VOTES_PER_DAY: z.coerce.number().pipe(VotesPerDay).optional(),
  ALLOW_MAIN_KEY: z.stringbool().default(false).describe('Sign with the voter’s own key instead of an alias'),
});
export type SignersConfig = z.infer<typeof SignersConfig>;
