/**
 * What the owner wants. The five fields of the seed come first; the rest is optional, so that a file with only those five is
 * valid. Nothing here reads a file: see `preference-store.ts`.
 */
import { Address, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { hashOf } from './canonical.ts';

export const VotingStrategy = z
  .enum(['conservative', 'balanced', 'aggressive'])
  .describe(
    'How much risk a vote may carry: conservative casts at low risk only, balanced at low and medium, aggressive at any',
  );
export type VotingStrategy = z.infer<typeof VotingStrategy>;

export const Approval = z
  .enum(['never', 'when_unsure', 'always'])
  .describe(
    'When the owner is asked before a vote. never: what is unsure is skipped; when_unsure: what is unsure waits for an answer; always: everything waits',
  );
export type Approval = z.infer<typeof Approval>;

const ConfidenceThreshold = z
  .number()
  .min(0)
  .max(1)
  .describe('A decision below this confidence is unsure; from 0 to 1');
const Instructions = z
  .string()
  .max(8_000)
  // Half a surrogate pair has no canonical form, so that no version could be computed.
  .refine((text) => text.isWellFormed(), { error: 'holds half a character (a lone surrogate)' })
  .describe(
    'What the owner stands for, in their own words; at most 8,000 characters; told to the model, never published',
  );
type PublishReason = z.infer<typeof PublishReason>;
const PublishReason = z
  .enum(['template', 'full', 'none'])
  .describe('The public reason of a vote: template is a fixed sentence, full is written by the model, none is empty');
const ReviseVotes = z.boolean().describe('Whether our own earlier vote may be replaced after the preferences changed');

/** What may differ for one space. */
export const SpaceOverride = z
  .strictObject({
    voting_strategy: VotingStrategy.optional(),
    confidence_threshold: ConfidenceThreshold.optional(),
    instructions: Instructions.optional(),
    approval: Approval.optional(),
    publish_reason: PublishReason.optional(),
    revise_votes: ReviseVotes.optional(),
  })
  .describe('Preferences that replace the general ones in this space');

/** The owner's preferences. Strict: an unknown field is an error, since a misspelt one would silently not apply. */
export const UserPreferences = z.strictObject({
  voting_strategy: VotingStrategy.default('balanced'),
  confidence_threshold: ConfidenceThreshold.default(0.7),
  max_proposals_per_run: z
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('How many proposals one run decides at most; 1 to 10'),
  blacklisted_proposers: z.array(Address).default([]).describe('Proposals by these addresses are never voted on'),
  whitelisted_proposers: z
    .array(Address)
    .default([])
    .describe('Where not empty, only proposals by these addresses are voted on; the blacklist wins'),
  instructions: Instructions.optional(),
  approval: Approval.default('never'),
  publish_reason: PublishReason.default('template'),
  revise_votes: ReviseVotes.default(false),
  space_overrides: z
    .record(SpaceId, SpaceOverride)
    .default({})
    .describe('Space id to the preferences that differ there'),
});
export type UserPreferences = z.infer<typeof UserPreferences>;

/** The preferences as they apply in one space: the general ones with the space's own on top. */
export type SpacePreferences = Omit<UserPreferences, 'space_overrides'>;

/** Folds the overrides of a space into the general preferences. */
export function inSpace(preferences: UserPreferences, space: SpaceId): SpacePreferences {
  const { space_overrides: overrides, ...general } = preferences;
  const override = overrides[space] ?? {};
  const set = Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined));
  return { ...general, ...set };
}

/** The version of preferences: a hash of their content. Equal preferences have equal versions, wherever they came from. */
export function preferencesVersion(preferences: UserPreferences): string {
  return hashOf(preferences);
}

/** How much is published. */
const PUBLISHES = { none: 0, template: 1, full: 2 } as const satisfies Record<PublishReason, number>;
const STRICTNESS = { never: 0, when_unsure: 1, always: 2 } as const satisfies Record<Approval, number>;

/**
 * What applies to a vote when the preferences changed after the run began: the stricter of both. `changed` says that what the
 * model was told differs (`instructions` or `voting_strategy`), so that the decision itself is out of date.
 */
export function stricter(
  pinned: SpacePreferences,
  current: SpacePreferences,
): { changed: true } | { changed: false; preferences: SpacePreferences } {
  if (pinned.instructions !== current.instructions || pinned.voting_strategy !== current.voting_strategy) {
    return { changed: true };
  }
  return {
    changed: false,
    preferences: {
      ...current,
      ...stricterLists(pinned, current),
      revise_votes: pinned.revise_votes && current.revise_votes,
      publish_reason: lessOf(pinned.publish_reason, current.publish_reason),
      confidence_threshold: Math.max(pinned.confidence_threshold, current.confidence_threshold),
      approval: STRICTNESS[pinned.approval] > STRICTNESS[current.approval] ? pinned.approval : current.approval,
    },
  };
}

/** The one by which less is published. */
export function lessOf(one: PublishReason, other: PublishReason): PublishReason {
  return PUBLISHES[one] < PUBLISHES[other] ? one : other;
}

/**
 * Lists that refuse every proposer that either of both refuses. An empty whitelist lets everybody pass, so proposers on one of
 * two whitelists are refused by name and not by leaving them out: what both let pass may be nobody.
 */
function stricterLists(
  pinned: SpacePreferences,
  current: SpacePreferences,
): Pick<SpacePreferences, 'blacklisted_proposers' | 'whitelisted_proposers'> {
  const [before, now] = [pinned.whitelisted_proposers, current.whitelisted_proposers];
  const onlyNow = before.length === 0 ? [] : now.filter((address) => !before.includes(address));
  const blacklist = new Set([...pinned.blacklisted_proposers, ...current.blacklisted_proposers, ...onlyNow]);
  return { blacklisted_proposers: [...blacklist], whitelisted_proposers: now.length === 0 ? before : now };
}

/** Why a proposer is not voted on, or null where it is: the blacklist wins, a non-empty whitelist is exclusive. */
export function proposerRefused(
  author: Address,
  preferences: Pick<UserPreferences, 'blacklisted_proposers' | 'whitelisted_proposers'>,
): 'blacklisted' | 'not_whitelisted' | null {
  return refusalsBy(preferences)(author);
}

/** `proposerRefused` for many proposers: the lists are looked through once. */
export function refusalsBy({
  blacklisted_proposers,
  whitelisted_proposers,
}: Pick<UserPreferences, 'blacklisted_proposers' | 'whitelisted_proposers'>): (
  author: Address,
) => 'blacklisted' | 'not_whitelisted' | null {
  const [blacklist, whitelist] = [new Set(blacklisted_proposers), new Set(whitelisted_proposers)];
  return (author) => {
    if (blacklist.has(author)) return 'blacklisted';
    return whitelist.size > 0 && !whitelist.has(author) ? 'not_whitelisted' : null;
  };
}
