/**
 * The rest of the hub's own field names, so that what a hub answered can be put into a world as it is. All of it is optional.
 * What the sandbox computes itself (state, link, counts) is taken and passed over, but for the counts that say so.
 */
import { Address } from '@quorum/snapshot/proposal';
import { z } from 'zod';

const text = z.string().nullish();
const count = z.int().nonnegative().nullish();
const UnixSeconds = z.int().nonnegative();
const SpaceName = z.string().regex(/^[^\s\p{Cc}]{1,256}$/u, { error: 'is not a space id (no white space)' });
const Id = z.string().regex(/^[A-Za-z0-9]{1,100}$/, { error: 'is not an id (letters and digits, at most 100)' });

/** A space by its id, or as the hub nests it. */
export const SpaceRef = SpaceName.or(z.looseObject({ id: SpaceName }).transform((space) => space.id));
/** A proposal by its id, or as the hub nests it. */
export const ProposalRef = Id.or(z.looseObject({ id: Id }).transform((proposal) => proposal.id));

export const votingExtras = {
  blind: z.boolean().nullish(),
  hideAbstain: z.boolean().nullish(),
  aliased: z.boolean().nullish(),
};

const skinSettings = z.strictObject({
  bg_color: text,
  link_color: text,
  text_color: text,
  content_color: text,
  border_color: text,
  heading_color: text,
  header_color: text,
  primary_color: text,
  theme: text,
  logo: text,
});

export const spaceExtras = {
  cover: text,
  location: text,
  twitter: text,
  github: text,
  farcaster: text,
  coingecko: text,
  email: text,
  discussions: text,
  discourseCategory: z.int().nullish(),
  skin: text,
  skinSettings: skinSettings.nullish(),
  domain: text,
  filters: z.strictObject({ minScore: z.number().nullish(), onlyMembers: z.boolean().nullish() }).nullish(),
  treasuries: z.array(z.strictObject({ name: text, address: text, network: text })).nullish(),
  labels: z.array(z.strictObject({ id: text, name: text, description: text, color: text })).nullish(),
  delegationPortal: z
    .strictObject({
      delegationType: z.string(),
      delegationContract: z.string(),
      delegationApi: z.string(),
      delegationNetwork: z.string().nullish().describe("Absent: '1'"),
    })
    .nullish(),
  boost: z.strictObject({ enabled: z.boolean().nullish(), bribeEnabled: z.boolean().nullish() }).nullish(),
  parent: SpaceRef.nullish(),
  children: z.array(SpaceRef).nullish(),
  flagCode: z.int().nullish(),
  turboExpiration: z.int().nullish(),
  followersCount: count.describe('Absent: the follows of this world'),
  followersCount7d: count,
  rank: z.number().nullish().describe('Passed over: computed'),
  activeProposals: count,
  proposalsCount: count,
  proposalsCount1d: count,
  proposalsCount7d: count,
  proposalsCount30d: count,
  votesCount: count,
  votesCount7d: count,
};

export const proposalExtras = {
  scores_by_strategy: z
    .array(z.array(z.number()))
    .nullish()
    .describe('Power per choice and strategy; absent: all in the first'),
  scores_total: z.number().nullish().describe('Absent: the sum of the scores'),
  scores_updated: UnixSeconds.nullish().describe('Absent: when the last vote came, or 0'),
  scores_total_value: z.number().nullish(),
  vp_value_by_strategy: z.array(z.number()).nullish(),
  state: text.describe('Passed over: computed'),
  link: text.describe('Passed over: computed'),
};

export const voteExtras = {
  vp_value: z
    .number()
    .nonnegative()
    .nullish()
    .transform((value) => value ?? 0),
};

const WorldUser = z.strictObject({
  id: Address,
  ipfs: text,
  name: text,
  about: text,
  avatar: text,
  cover: text,
  github: text,
  twitter: text,
  lens: text,
  farcaster: text,
  created: UnixSeconds.nullish(),
  votesCount: count.describe('Passed over: computed'),
  proposalsCount: count.describe('Passed over: computed'),
  lastVote: count.describe('Passed over: computed'),
});

const WorldFollow = z.strictObject({
  id: z.string(),
  ipfs: text,
  follower: Address,
  space: SpaceRef,
  network: z.string().default('s'),
  created: UnixSeconds,
});

const WorldSubscription = z.strictObject({
  id: z.string(),
  ipfs: text,
  address: Address,
  space: SpaceRef,
  created: UnixSeconds,
});

const WorldStatement = z.strictObject({
  id: z.string(),
  ipfs: z.string().default(''),
  space: SpaceName,
  network: text,
  about: text,
  delegate: Address,
  statement: text,
  discourse: text,
  status: text,
  source: text,
  created: UnixSeconds,
  updated: UnixSeconds.default(0),
});

const WorldStrategy = z.strictObject({
  id: z.string(),
  name: text,
  author: text,
  version: text,
  schema: z.unknown().optional(),
  examples: z.array(z.unknown()).nullish(),
  about: text,
  override: z.boolean().default(false),
  disabled: z.boolean().default(false),
  spacesCount: count.describe('Passed over: computed'),
  verifiedSpacesCount: count.describe('Passed over: computed'),
});

/** A signed message as the hub lists it: what was accepted before this world was put. */
const WorldMessage = z.strictObject({
  mci: z.int().positive().optional().describe('Absent: the next one'),
  id: z.string(),
  ipfs: z.string().default(''),
  address: Address,
  version: z.string().default('0.1.4'),
  timestamp: UnixSeconds,
  space: z.string().default(''),
  type: z.string(),
  sig: z.string().default(''),
  receipt: z.string().default(''),
});
export type WorldMessage = z.output<typeof WorldMessage>;

/** Lists that only the hub reads. */
export const hubLists = {
  users: z.array(WorldUser).default([]),
  follows: z.array(WorldFollow).default([]),
  subscriptions: z.array(WorldSubscription).default([]),
  statements: z.array(WorldStatement).default([]),
  strategies: z.array(WorldStrategy).default([]).describe('Beside those that spaces and proposals use'),
  options: z.array(z.strictObject({ name: z.string(), value: z.string() })).default([]),
  messages: z.array(WorldMessage).default([]),
};

const HubLists = z.object(hubLists);
/** What of a world only the hub reads, but for its messages. */
export type HubLists = Omit<z.output<typeof HubLists>, 'messages'>;
