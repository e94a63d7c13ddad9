/**
 * The world that the sandbox serves: spaces, proposals, votes, aliases, voting power and validations, in the hub's own
 * field names. A world is plain data; what changes while it is served lives in `live-world.ts`.
 *
 * Unknown keys are refused, so that a misspelt one is an error and not a silent default.
 */
import { Address, VotingType } from '@quorum/snapshot/proposal';
import { id as hashOfText } from 'ethers';
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

const QuorumType = orElse(z.enum(['', 'default', 'rejection']), '').transform((type) => type || 'default');

const Voting = z.strictObject({
  delay: z.int().nullable().default(null),
  period: z.int().nullable().default(null),
  type: z.string().nullable().default(null),
  quorum: z.number().nullable().default(null),
  quorumType: QuorumType,
  privacy: orElse(z.string(), ''),
  ...votingExtras,
});

export const WorldSpace = z.strictObject({
  id: SpaceName,
  name: orElse(z.string(), ''),
  about: z.string().nullable().default(''),
  avatar: z.string().nullable().default(''),
  terms: z.string().nullable().default(null),
  website: z.string().nullable().default(null),
  private: orElse(z.boolean(), false),
  network: orElse(z.string(), '1'),
  symbol: orElse(z.string(), 'VOTE'),
  strategies: orElse(z.array(Strategy), DEFAULT_STRATEGIES),
  admins: orElse(z.array(Address), []),
  members: orElse(z.array(Address), []),
  moderators: orElse(z.array(Address), []),
  plugins: orElse(z.record(z.string(), z.unknown()), {}),
  categories: orElse(z.array(z.string()), []),
  voting: Voting.nullish().transform((voting) => voting ?? Voting.parse({})),
  validation: orElse(Validation, { name: 'any', params: {} }),
  voteValidation: orElse(Validation, { name: 'any', params: {} }),
  guidelines: z.string().nullable().default(null),
  template: z.string().nullable().default(null),
  verified: orElse(z.boolean(), false),
  flagged: orElse(z.boolean(), false),
  hibernated: orElse(z.boolean(), false),
  turbo: orElse(z.boolean(), false),
  created: orElse(UnixSeconds, 0),
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
    author: orElse(Address, Address.parse(DEFAULT_AUTHOR)),
    created: UnixSeconds.nullish().describe('Absent: the start'),
    updated: UnixSeconds.nullable().default(null),
    network: orElse(z.string(), '1'),
    symbol: orElse(z.string(), 'VOTE'),
    type: orElse(VotingType, 'basic'),
    privacy: orElse(z.enum(['', 'shutter']), ''),
    strategies: orElse(z.array(Strategy), DEFAULT_STRATEGIES),
    validation: orElse(Validation, { name: 'any', params: {} }),
    plugins: orElse(z.record(z.string(), z.unknown()), {}),
    title: z.string(),
    body: orElse(z.string(), ''),
    discussion: orElse(z.string(), ''),
    choices: z.array(z.string()).min(1),
    labels: orElse(z.array(z.string()), []),
    start: UnixSeconds,
    end: UnixSeconds,
    quorum: orElse(z.number().nonnegative(), 0),
    quorumType: QuorumType,
    snapshot: orElse(z.int().nonnegative(), 21_000_000),
    app: orElse(z.string(), 'snapshot-v2'),
    scores: orElse(z.array(z.number().nonnegative()), []).describe(
      'Power per choice; absent: as the votes of this world add up',
    ),
    scores_state: z
      .enum(['', 'pending', 'final', 'invalid'])
      .nullish()
      .transform((state) => state || undefined)
      .describe('Absent or empty: final once closed'),
    votes: z.int().nonnegative().nullish().describe('How many voted; absent: the votes of this world'),
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

export const WorldVote = z
  .strictObject({
    id: Id.nullish().describe('Absent: made of voter and proposal'),
    ipfs: z.string().nullable().default(null),
    voter: Address,
    created: UnixSeconds,
    space: SpaceRef,
    proposal: ProposalRef,
    choice: z.union([z.number(), z.string(), z.array(z.number()), z.record(z.string(), z.number())]),
    metadata: orElse(z.record(z.string(), z.unknown()), {}),
    reason: orElse(z.string(), ''),
    app: orElse(z.string(), ''),
    vp: orElse(z.number().nonnegative(), 1),
    vp_by_strategy: z.array(z.number()).nullish().describe('Absent: all of it from the first strategy'),
    vp_state: orElse(z.enum(['pending', 'final', 'invalid']), 'final'),
    ...voteExtras,
  })
  .transform((vote) => ({ ...vote, id: vote.id ?? hashOfText(`vote ${vote.voter} ${vote.proposal}`) }));
export type WorldVote = z.output<typeof WorldVote>;

export const WorldAlias = z
  .strictObject({
    id: Id.nullish().describe('Absent: made of the pair'),
    ipfs: z.string().nullable().default(null),
    address: Address,
    alias: Address,
    created: UnixSeconds,
  })
  .transform((row) => ({ ...row, id: row.id ?? hashOfText(`alias ${row.address} ${row.alias}`) }));
export type WorldAlias = z.output<typeof WorldAlias>;

/** As good as left out where it is null or false. */
const given = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => (value === null || value === false ? undefined : value), schema.optional()).optional();

/** Who has how much power where. The most precise rule wins: proposal before space, voter before default, later before earlier. */
export const VotingPowerRule = z
  .strictObject({
    space: given(SpaceRef),
    proposal: given(ProposalRef),
    voter: given(Address),
    default: given(z.literal(true)).describe('For every voter without a rule of their own'),
    vp: given(z.number().nonnegative()),
    vp_by_strategy: given(z.array(z.number())).describe('Absent: all of it from the first strategy'),
    fail: given(z.union([z.literal(true), z.string()])).describe('The score API answers with an error, and its data'),
    pending: given(z.literal(true)).describe('Counted, with vp_state pending; vp is 1 unless given'),
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
  .strictObject({ proposal: ProposalRef, allow: z.boolean().nullish(), fail: given(z.literal(true)) })
  .refine((rule) => typeof rule.allow === 'boolean' || rule.fail === true, {
    error: 'needs either allow or fail: true',
  });
export type ValidationRule = z.output<typeof ValidationRule>;

/** A wallet that is a contract, and what its `isValidSignature` answers. */
const ContractWalletRule = z.strictObject({
  address: Address,
  network: z.string().nullish().describe('Chain id; absent: every network'),
  approves: orElse(
    z.union([
      z.enum(['all', 'none', 'fail']),
      z.boolean().transform((approves) => (approves ? ('all' as const) : ('none' as const))),
      z.array(z.string().regex(/^0x[0-9a-fA-F]{64}$/)),
    ]),
    'all',
  ).describe('Every hash (the default), no hash, an RPC that fails, or these hashes only'),
});
/** By its address alone, it approves of everything. */
export const ContractWallet = z.union([
  ContractWalletRule,
  Address.transform((address) => ContractWalletRule.parse({ address })),
]);
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
