/**
 * The world that the sandbox serves: spaces, proposals, votes, aliases, voting power and validations, in the hub's own
 * field names. A world is plain data; what changes while it is served lives in `live-world.ts`.
 *
 * Unknown keys are refused, so that a misspelt one is an error and not a silent default.
 */
import { Address, VotingType } from '@quorum/snapshot/proposal';
import { z } from 'zod';

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

export const WorldSpace = z.strictObject({
  id: SpaceName,
  name: z.string().default(''),
  about: z.string().default(''),
  avatar: z.string().default(''),
  terms: z.string().default(''),
  website: z.string().default(''),
  private: z.boolean().default(false),
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
    })
    .prefault({}),
  validation: Validation.default({ name: 'any', params: {} }),
  voteValidation: Validation.default({ name: 'any', params: {} }),
  guidelines: z.string().nullable().default(null),
  template: z.string().nullable().default(null),
  verified: z.boolean().default(false),
  flagged: z.boolean().default(false),
  hibernated: z.boolean().default(false),
  turbo: z.boolean().default(false),
  created: UnixSeconds.default(0),
});
export type WorldSpace = z.output<typeof WorldSpace>;

export const WorldProposal = z
  .strictObject({
    id: Id,
    space: SpaceName.or(z.strictObject({ id: SpaceName }).transform((space) => space.id)).describe(
      "The space's id, or {id} as the hub nests it",
    ),
    ipfs: z.string().nullable().default(null),
    author: Address.default(Address.parse(DEFAULT_AUTHOR)),
    created: UnixSeconds.optional().describe('Absent: the start'),
    updated: UnixSeconds.nullable().default(null),
    network: z.string().default('1'),
    symbol: z.string().default('VOTE'),
    type: VotingType.default('basic'),
    privacy: z.enum(['', 'shutter']).default(''),
    strategies: z.array(Strategy).default(DEFAULT_STRATEGIES),
    validation: Validation.default({ name: 'any', params: {} }),
    plugins: z.record(z.string(), z.unknown()).default({}),
    title: z.string(),
    body: z.string().default(''),
    discussion: z.string().default(''),
    choices: z.array(z.string()).min(1),
    labels: z.array(z.string()).default([]),
    start: UnixSeconds,
    end: UnixSeconds,
    quorum: z.number().nonnegative().default(0),
    quorumType: z.enum(['default', 'rejection']).default('default'),
    snapshot: z.int().nonnegative().default(21_000_000),
    app: z.string().default('snapshot-v2'),
    scores: z.array(z.number().nonnegative()).default([]).describe('Power per choice; absent: 0 for each'),
    scores_state: z.enum(['pending', 'final', 'invalid']).optional().describe('Absent: final once closed'),
    votes: z.int().nonnegative().default(0),
    flagged: z.boolean().default(false),
    flagCode: z.int().default(0),
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
  space: SpaceName,
  proposal: Id,
  choice: z.union([z.number(), z.string(), z.array(z.number()), z.record(z.string(), z.number())]),
  metadata: z.record(z.string(), z.unknown()).default({}),
  reason: z.string().default(''),
  app: z.string().default(''),
  vp: z.number().nonnegative().default(1),
  vp_by_strategy: z.array(z.number()).optional().describe('Absent: all of it from the first strategy'),
  vp_state: z.enum(['pending', 'final', 'invalid']).default('final'),
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
    fail: z.literal(true).optional().describe('The score API answers with an error'),
    pending: z.literal(true).optional().describe('Counted, with vp_state pending'),
  })
  .refine((rule) => (rule.space === undefined) !== (rule.proposal === undefined), {
    error: 'needs either space or proposal',
  })
  .refine((rule) => (rule.voter === undefined) !== (rule.default === undefined), {
    error: 'needs either voter or default: true',
  })
  .refine((rule) => (rule.vp === undefined) !== (rule.fail === undefined), { error: 'needs either vp or fail: true' });
export type VotingPowerRule = z.output<typeof VotingPowerRule>;

/** What the vote validation of a proposal answers. Without a rule everybody is let through. */
export const ValidationRule = z
  .strictObject({ proposal: Id, allow: z.boolean().optional(), fail: z.literal(true).optional() })
  .refine((rule) => (rule.allow === undefined) !== (rule.fail === undefined), {
    error: 'needs either allow or fail: true',
  });
export type ValidationRule = z.output<typeof ValidationRule>;

const worldShape = {
  now: UnixSeconds.nullable().optional().describe('Unix seconds at which the clock stands still; null: the real clock'),
  spaces: z.array(WorldSpace).default([]),
  proposals: z.array(WorldProposal).default([]),
  votes: z.array(WorldVote).default([]),
  aliases: z.array(WorldAlias).default([]),
  voting_power: z.array(VotingPowerRule).default([]),
  validations: z.array(ValidationRule).default([]),
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
