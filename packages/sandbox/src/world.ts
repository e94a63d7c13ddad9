/**
 * The world that the sandbox serves: spaces, proposals, votes, aliases, voting power and validations, in the hub's own
 * field names. A world is plain data; what changes while it is served lives in `live-world.ts`.
 *
 * Unknown keys are refused, so that a misspelt one is an error and not a silent default.
 */
import { Address, VotingType } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import {
  hubLists,
  proposalExtras,
  ProposalRef,
  spaceExtras,
  SpaceRef,
  voteExtras,
  votingExtras,
} from './world-extras.ts';

const UnixSeconds = z.int().nonnegative();
const Id = z.string().regex(/^[A-Za-z0-9]{1,100}$/, { error: 'is not an id (letters and digits, at most 100)' });
const SpaceName = z.string().regex(/^[^\s\p{Cc}]{1,256}$/u, { error: 'is not a space id (no white space)' });

const Strategy = z.strictObject({
  name: z.string(),
  network: z.string().nullable().default('1'),
  params: z.record(z.string(), z.unknown()).default({}),
});

const Validation = z.strictObject({ name: z.string(), params: z.record(z.string(), z.unknown()).default({}) });

const DEFAULT_STRATEGIES = [{ name: 'ticket', network: '1', params: { symbol: 'VOTE' } }];
const DEFAULT_AUTHOR = '0x000000000000000000000000000000000000dEaD';

/** The hub answers null where nobody said anything: put into a world, that is as good as leaving it out. */
const orElse = <Schema extends z.ZodType>(schema: Schema, otherwise: z.output<Schema>) =>
  schema.nullish().transform((value) => value ?? otherwise);

export const WorldSpace = z.strictObject({
  id: SpaceName,
  name: orElse(z.string(), ''),
  about: z.string().nullable().default(''),
  avatar: z.string().nullable().default(''),
  terms: z.string().nullable().default(null),
  website: z.string().nullable().default(null),
  private: orElse(z.boolean(), false),
  network: z.string().default('1'),
  symbol: z.string().default('VOTE'),
  strategies: z.array(Strategy).default(DEFAULT_STRATEGIES),
  admins: z.array(Address).default([]),
  members: z.array(Address).default([]),
  moderators: z.array(Address).default([]),
  plugins: z.record(z.string(), z.unknown()).default({}),
  categories: z.array(z.string()).default([]),
  voting: z
    .strictObject({
      delay: z.int().nullable().default(null),
      period: z.int().nullable().default(null),
      type: z.string().nullable().default(null),
      quorum: z.number().nullable().default(null),
      quorumType: z.enum(['default', 'rejection']).default('default'),
      privacy: z.string().default(''),
      ...votingExtras,
    })
    .prefault({}),
  validation: orElse(Validation, { name: 'any', params: {} }),
  voteValidation: orElse(Validation, { name: 'any', params: {} }),
  guidelines: z.string().nullable().default(null),
  template: z.string().nullable().default(null),
  verified: orElse(z.boolean(), false),
  flagged: orElse(z.boolean(), false),
  hibernated: orElse(z.boolean(), false),
  turbo: orElse(z.boolean(), false),
  created: UnixSeconds.default(0),
  ...spaceExtras,
});
export type WorldSpace = z.output<typeof WorldSpace>;

const Hex = z.string().regex(/^0x(?:[0-9a-fA-F]{2})+$/, { error: 'is not 0x and hex digits' });

/** What the keypers hold for a proposal: the eon's public key, and the key that they give out once the vote is over. */
const ShutterKeys = z
  .strictObject({
    eon_public_key: Hex.optional(),
    decryption_key: Hex.optional(),
    release: z
      .enum(['when_asked', 'at_close'])
      .default('when_asked')
      .describe('When the key comes out: asked for by /scores or the control API, or by itself'),
  })
  .refine((keys) => (keys.eon_public_key === undefined) === (keys.decryption_key === undefined), {
    error: 'needs both keys or none',
  });

export const WorldProposal = z
  .strictObject({
    id: Id,
    space: SpaceRef,
    ipfs: z.string().nullable().default(null),
    author: Address.default(Address.parse(DEFAULT_AUTHOR)),
    created: UnixSeconds.optional().describe('Absent: the start'),
    updated: UnixSeconds.nullable().default(null),
    network: z.string().default('1'),
    symbol: z.string().default('VOTE'),
    type: VotingType.default('basic'),
    privacy: orElse(z.enum(['', 'shutter']), ''),
    strategies: z.array(Strategy).default(DEFAULT_STRATEGIES),
    validation: orElse(Validation, { name: 'any', params: {} }),
    plugins: z.record(z.string(), z.unknown()).default({}),
    title: z.string(),
    body: orElse(z.string(), ''),
    discussion: z.string().default(''),
    choices: z.array(z.string()).min(1),
    labels: z.array(z.string()).default([]),
    start: UnixSeconds,
    end: UnixSeconds,
    quorum: z.number().nonnegative().default(0),
    quorumType: z.enum(['default', 'rejection']).default('default'),
    snapshot: orElse(z.int().nonnegative(), 21_000_000),
    app: orElse(z.string(), 'snapshot-v2'),
    scores: z
      .array(z.number().nonnegative())
      .default([])
      .describe('Power per choice; absent: as the votes of this world add up'),
    scores_state: z.enum(['pending', 'final', 'invalid']).optional().describe('Absent: final once closed'),
    votes: z.int().nonnegative().optional().describe('How many voted; absent: the votes of this world'),
    flagged: orElse(z.boolean(), false),
    flagCode: orElse(z.int(), 0),
    ...proposalExtras,
    shutter: ShutterKeys.optional().describe("Absent: the sandbox's own key pair, where privacy is shutter"),
  })
  .refine((proposal) => proposal.end > proposal.start, { error: 'must end after it starts', path: ['end'] })
  .refine((proposal) => proposal.scores.length === 0 || proposal.scores.length === proposal.choices.length, {
    error: 'must have one number per choice, or be left out',
    path: ['scores'],
  });
export type WorldProposal = z.output<typeof WorldProposal>;

export const WorldVote = z.strictObject({
  id: Id,
  ipfs: z.string().nullable().default(null),
  voter: Address,
  created: UnixSeconds,
  space: SpaceRef,
  proposal: ProposalRef,
  choice: z.union([z.number(), z.string(), z.array(z.number()), z.record(z.string(), z.number())]),
  metadata: z.record(z.string(), z.unknown()).default({}),
  reason: z.string().default(''),
  app: z.string().default(''),
  vp: z.number().nonnegative().default(1),
  vp_by_strategy: z.array(z.number()).optional().describe('Absent: all of it from the first strategy'),
  vp_state: z.enum(['pending', 'final', 'invalid']).default('final'),
  ...voteExtras,
});
export type WorldVote = z.output<typeof WorldVote>;

export const WorldAlias = z.strictObject({
  id: Id,
  ipfs: z.string().nullable().default(null),
  address: Address,
  alias: Address,
  created: UnixSeconds,
});
export type WorldAlias = z.output<typeof WorldAlias>;

/** Who has how much power where. The most precise rule wins: proposal before space, voter before default, later before earlier. */
export const VotingPowerRule = z
  .strictObject({
    space: SpaceName.optional(),
    proposal: Id.optional(),
    voter: Address.optional(),
    default: z.literal(true).optional().describe('For every voter without a rule of their own'),
    vp: z.number().nonnegative().optional(),
    vp_by_strategy: z.array(z.number()).optional().describe('Absent: all of it from the first strategy'),
    fail: z
      .union([z.literal(true), z.string()])
      .optional()
      .describe('The score API answers with an error, and its data'),
    pending: z.literal(true).optional().describe('Counted, with vp_state pending; vp is 1 unless given'),
  })
  .refine((rule) => (rule.space === undefined) !== (rule.proposal === undefined), {
    error: 'needs either space or proposal',
  })
  .refine((rule) => (rule.voter === undefined) !== (rule.default === undefined), {
    error: 'needs either voter or default: true',
  })
  .refine(
    (rule) => (rule.fail === undefined ? rule.vp !== undefined || rule.pending === true : rule.vp === undefined),
    { error: 'needs either vp, fail: true or pending: true' },
  );
export type VotingPowerRule = z.output<typeof VotingPowerRule>;

/** What the vote validation of a proposal answers. Without a rule everybody is let through. */
export const ValidationRule = z
  .strictObject({ proposal: Id, allow: z.boolean().optional(), fail: z.literal(true).optional() })
  .refine((rule) => (rule.allow === undefined) !== (rule.fail === undefined), {
    error: 'needs either allow or fail: true',
  });
export type ValidationRule = z.output<typeof ValidationRule>;

/** A wallet that is a contract, and what its `isValidSignature` answers. */
export const ContractWallet = z.strictObject({
  address: Address,
  network: z.string().optional().describe('Chain id; absent: every network'),
  approves: z
    .union([z.enum(['all', 'none', 'fail']), z.array(z.string().regex(/^0x[0-9a-fA-F]{64}$/))])
    .describe('Every hash, no hash, an RPC that fails, or these hashes only'),
});
export type ContractWallet = z.output<typeof ContractWallet>;

/** A hub API key. Calls beyond `monthly_limit` count against the address's own limit. */
export const ApiKey = z.strictObject({
  key: z.string().min(1),
  monthly_limit: z.int().nonnegative(),
  used: z.int().nonnegative().default(0),
  reset: UnixSeconds.optional().describe('When the count begins anew; absent: the start of the next month'),
});
export type ApiKey = z.output<typeof ApiKey>;

const PerMinute = z.int().positive().nullable();
const Limits = z.strictObject({
  hub_per_minute: PerMinute.optional(),
  sequencer_per_minute: PerMinute.optional(),
});

const worldShape = {
  now: UnixSeconds.nullable().optional().describe('Unix seconds at which the clock stands still; null: the real clock'),
  spaces: z.array(WorldSpace).default([]),
  proposals: z.array(WorldProposal).default([]),
  votes: z.array(WorldVote).default([]),
  aliases: z.array(WorldAlias).default([]),
  voting_power: z.array(VotingPowerRule).default([]),
  validations: z.array(ValidationRule).default([]),
  contract_wallets: z.array(ContractWallet).default([]),
  flagged_ips: z.array(z.string().min(1)).default([]).describe('Addresses from which the sequencer takes nothing'),
  limits: Limits.prefault({}).describe('Requests a minute from one address; null, the default: no limit'),
  api_keys: z.array(ApiKey).default([]),
  ...hubLists,
};

/** A whole world, or what a PATCH adds to one; absent lists are empty. */
export const World = z.strictObject(worldShape);
/** As one writes it: everything that has a default may be left out. */
export type World = z.input<typeof World>;
/** As the sandbox keeps it: complete. */
export type CompleteWorld = z.output<typeof World>;

/** A world that cannot be served. `message` lists each fault with its path. */
export class WorldError extends Error {
  override readonly name = 'WorldError';
}

/** Checks the shape and fills in the defaults. Throws `WorldError`. */
export function parseWorld(value: unknown): CompleteWorld {
  const parsed = World.safeParse(value);
  if (!parsed.success) throw new WorldError(z.prettifyError(parsed.error));
  return parsed.data;
}
