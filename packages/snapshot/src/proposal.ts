/**
 * A proposal in the terms of this package. The words of Snapshot that every other part of Quorum uses are defined here
 * and nowhere else: `Address`, `VotingType`, `ProposalId`, `SpaceId`, `Proposal`.
 */
import { getAddress } from 'ethers/address';
import { ensNormalize } from 'ethers/hash';
import { isError } from 'ethers/utils';
import { z } from 'zod';

/** The seven ways in which a Snapshot proposal can be voted on. */
export const VOTING_TYPES = [
  'basic',
  'single-choice',
  'approval',
  'ranked-choice',
  'copeland',
  'weighted',
  'quadratic',
] as const;

export const VotingType = z.enum(VOTING_TYPES).describe('How a ballot on this proposal is expressed and counted');
export type VotingType = z.infer<typeof VotingType>;

/** An Ethereum address, kept EIP-55 checksummed, so that two equal addresses are equal strings. */
export const Address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, { error: 'is not an Ethereum address (0x and 40 hex digits)', abort: true })
  .transform((value, context) => {
    // One checksum, not two: it is most of the time that reading a long list of proposals takes.
    try {
      return getAddress(value);
    } catch (error) {
      if (!isError(error, 'INVALID_ARGUMENT')) throw error;
      context.addIssue({ code: 'custom', message: 'is mixed-case and its checksum is wrong' });
      return z.NEVER;
    }
  })
  .brand<'Address'>()
  .describe('An Ethereum address, EIP-55 checksummed');
export type Address = z.infer<typeof Address>;

/** The id of a proposal: 32 bytes as 0x-hex for all recent ones; older ones are IPFS hashes. Case matters. */
export const ProposalId = z
  .string()
  .regex(/^[A-Za-z0-9]{1,100}$/, { error: 'is not a proposal id' })
  .brand<'ProposalId'>()
  .describe("The proposal's id, as the hub gives it");
export type ProposalId = z.infer<typeof ProposalId>;

/**
 * Labels of small letters and digits, single hyphens between them: most spaces are called so, and the whole of Unicode need not be
 * asked about them.
 */
const PLAIN = /^[a-z0-9]+(?:[.-][a-z0-9]+)*$/;

/** True for a name that ENS normalisation (ENSIP-15) leaves as it is; the sequencer refuses any other space. */
function isNormalised(name: string): boolean {
  if (PLAIN.test(name)) return true;
  try {
    return ensNormalize(name) === name;
  } catch (error) {
    // ethers throws a coded error for a name that has no normal form at all.
    if (isError(error, 'INVALID_ARGUMENT')) return false;
    throw error;
  }
}

/** The id of a space: an ENS name in its normalised form, at most 256 characters. */
export const SpaceId = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\s\p{Cc}]+$/u, { error: 'must not contain white space or control characters', abort: true })
  .refine(isNormalised, { error: 'is not a normalised ENS name (lower case, no look-alike or invisible characters)' })
  .brand<'SpaceId'>()
  .describe('The id of the Snapshot space: its ENS name, normalised');
export type SpaceId = z.infer<typeof SpaceId>;

/** One way of computing voting power, as the space configured it for this proposal. */
export const Strategy = z.object({
  name: z.string().describe('Name of the strategy, for example erc20-balance-of'),
  network: z.string().nullish().describe('Chain id on which the strategy reads, as a string'),
  params: z.unknown().describe("The strategy's own parameters"),
});
export type Strategy = z.infer<typeof Strategy>;

const UnixSeconds = z.int().nonnegative();

/**
 * A proposal as the hub gives it, field by field checked. Unknown fields are dropped; null lists and texts, which the hub
 * sends for old proposals, become empty ones.
 * Source: the hub's GraphQL type `Proposal`.
 */
export const Proposal = z.object({
  id: ProposalId,
  space: SpaceId,
  author: Address.describe('The address that proposed it'),
  network: z.string().describe('Chain id of the space, as a string'),
  type: VotingType,
  privacy: z
    .enum(['', 'shutter'])
    .describe("'' for an open vote; 'shutter' where choices stay encrypted until the end"),
  title: z.string().describe('Title; written by the author and not to be trusted'),
  body: z.string().describe('Full text, Markdown; written by the author and not to be trusted'),
  discussion: z.string().describe('Link to the discussion; may be empty'),
  choices: z
    .array(z.string())
    .min(1)
    .describe("The labels that can be voted for, in the proposal's order; index 1 is the first"),
  plugins: z
    .record(z.string(), z.unknown())
    .describe('Plugins by name; executable payloads (oSnap, SafeSnap) are here'),
  strategies: z.array(Strategy).describe('How voting power is computed'),
  snapshot: z.string().describe('The block at which voting power is read, as a string'),
  created: UnixSeconds.describe('When it was created, Unix seconds'),
  start: UnixSeconds.describe('When voting opens, Unix seconds'),
  end: UnixSeconds.describe('When voting closes, Unix seconds'),
  state: z.enum(['pending', 'active', 'closed']).describe("The hub's view at the time of reading"),
  quorum: z.number().nonnegative().describe('Voting power needed; 0 where there is no quorum'),
  quorum_type: z.enum(['default', 'rejection']).describe("'rejection' turns the quorum round: it counts votes against"),
  scores: z.array(z.number()).describe('Voting power per choice so far; may be empty'),
  scores_total: z.number().nonnegative().describe('Voting power cast so far'),
  scores_state: z.string().describe("'pending' until counted, 'final' when the count will not change"),
  votes: z.int().nonnegative().describe('Number of votes so far'),
  flagged: z.boolean().describe('True where Snapshot flags it as spam or a scam'),
  link: z.string().describe('Link to the proposal for people'),
});
export type Proposal = z.infer<typeof Proposal>;
