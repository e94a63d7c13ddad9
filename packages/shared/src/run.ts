/** One agent run: what is asked for, what is counted, and what comes back. */
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { SettledLater, Usage, VoteDecision } from './decision.ts';
import { RunId } from './ids.ts';
import { Outcome } from './outcome.ts';

/** The body of `POST /agent-run`. */
export const AgentRunRequest = z.strictObject({
  space_id: SpaceId,
  dry_run: z.boolean().default(false).describe('True: decide, but cast nothing'),
});
export type AgentRunRequest = z.infer<typeof AgentRunRequest>;

export const RunStatus = z
  .enum(['queued', 'running', 'completed', 'failed', 'cancelled'])
  .describe('Where the run is; the last three are final');
export type RunStatus = z.infer<typeof RunStatus>;

const Count = z.int().nonnegative();

const Ranked = z.object({
  proposal_id: ProposalId,
  score: z.number().min(0).max(1).describe('The rank: weighted sum of the three parts'),
  urgency: z.number().min(0).max(1).describe('Rises as the end nears'),
  weight: z.number().min(0).max(1).describe('How far the result and the quorum are still open'),
  contest: z.number().min(0).max(1).describe('How close the first two choices are'),
});
export type Ranked = z.infer<typeof Ranked>;

/** Where each fetched proposal went. `fetched` is the sum of the other counts. */
export const FilterMetrics = z.object({
  fetched: Count.describe('Active proposals of the space'),
  blacklisted: Count.describe('Dropped: by a blacklisted proposer'),
  not_whitelisted: Count.describe('Dropped: by a proposer outside the whitelist'),
  already_voted: Count.describe('Dropped: the voter has voted'),
  no_voting_power: Count.describe('Dropped: the voter has no voting power'),
  flagged: Count.describe('Dropped: flagged by Snapshot as spam or a scam'),
  decided_before: Count.describe('Dropped: an earlier live run held or skipped it, and nothing changed since'),
  closing_too_soon: Count.describe('Dropped: too little time is left to vote safely'),
  check_failed: Count.describe('Dropped: it could not be read or checked'),
  beyond_limit: Count.describe('Left for a later run: more than max_proposals_per_run'),
  selected: Count.describe('Selected for a decision'),
  ranked: z.array(Ranked).describe('The rank of what passed the filter, first to last; at most the first 100'),
});
export type FilterMetrics = z.infer<typeof FilterMetrics>;

/** The counts of a run that saw nothing. */
export const NO_PROPOSALS: FilterMetrics = {
  fetched: 0,
  blacklisted: 0,
  not_whitelisted: 0,
  already_voted: 0,
  no_voting_power: 0,
  flagged: 0,
  decided_before: 0,
  closing_too_soon: 0,
  check_failed: 0,
  beyond_limit: 0,
  selected: 0,
  ranked: [],
};

/** What a run comes to. */
export const AgentRunResponse = z.object({
  run_id: RunId,
  status: RunStatus,
  space_id: SpaceId,
  dry_run: z
    .boolean()
    .describe('True where nothing was cast, by request or because the preferences or a signer were missing'),
  proposals_analyzed: Count.describe('Selected proposals that got a decision'),
  votes_cast: z.array(VoteDecision).describe('Votes accepted and read back from the hub; empty in a dry run'),
  decisions: z.array(VoteDecision).describe('Every decision with its outcome'),
  user_preferences_applied: z.boolean().describe("Whether the owner's stored preferences were read and used"),
  filter_metrics: FilterMetrics.describe('Where each proposal of the space went'),
  usage: Usage.describe('What the models cost'),
  errors: z.array(z.string()).describe('What went wrong, in words for the owner'),
  execution_time: z.number().nonnegative().describe('Seconds from start to end'),
  started_at: z.iso.datetime().nullable().describe('When the run began; null where it never did'),
  finished_at: z.iso.datetime().describe('When the run ended'),
  next_check_time: z.iso
    .datetime()
    .nullable()
    .describe('When the next run of this space starts by itself, now or in time for what is still open; null: never'),
});
export type AgentRunResponse = z.infer<typeof AgentRunResponse>;

/** The answer of `POST /agent-run`. */
export const AgentRunAccepted = z.object({
  run_id: RunId,
  status: RunStatus,
  joined: z.boolean().describe('True where this request joined a run that was already under way'),
  status_url: z.string().describe('Where to poll'),
  events_url: z.string().describe('Where to watch it, step by step'),
});
export type AgentRunAccepted = z.infer<typeof AgentRunAccepted>;

/** The answer of `GET /agent-run/:id`. */
export const AgentRunView = z.object({
  run_id: RunId,
  status: RunStatus,
  space_id: SpaceId,
  dry_run: z.boolean().describe('Whether the run casts nothing'),
  accepted_at: z.iso.datetime().describe('When the run was accepted'),
  started_at: z.iso.datetime().nullable().describe('When the run began'),
  finished_at: z.iso.datetime().nullable().describe('When the run ended'),
  proposals: z
    .array(
      z.object({
        proposal_id: ProposalId,
        title: z.string().describe("The proposal's title"),
        step: z.enum(['deciding', 'voting', 'done']).describe('Where the proposal is'),
        outcome: Outcome.nullable().describe('Where it ended; null while it is under way'),
        settled_later: SettledLater.optional(),
      }),
    )
    .describe('The selected proposals; empty until they are known'),
  result: AgentRunResponse.nullable().describe('What the run came to; null until it ended'),
});
export type AgentRunView = z.infer<typeof AgentRunView>;

/** The answer of `GET /proposals`: what a run would choose by now. No model is asked. */
export const ProposalRanking = z.object({
  space_id: SpaceId,
  dry_run: z.boolean().describe('Whether a run would cast nothing'),
  user_preferences_applied: z.boolean().describe("Whether the owner's stored preferences were read and used"),
  errors: z.array(z.string()).describe('What went wrong, in words for the owner'),
  filter_metrics: FilterMetrics.describe('Where each proposal of the space would go, with the scores'),
  selected: z
    .array(
      z.object({
        proposal_id: ProposalId,
        title: z.string().describe("The proposal's title"),
        link: z.string().describe('Where it can be read'),
        end: z.int().describe('When it closes, Unix seconds'),
        voting_power: z.number().nullable().describe("The voter's power on it; null where there is no voter"),
      }),
    )
    .describe('What a run would decide, in this order'),
  dropped: z
    .array(
      z.object({
        proposal_id: ProposalId,
        why: FilterMetrics.omit({ fetched: true, selected: true, ranked: true })
          .keyof()
          .describe('Where it is counted'),
      }),
    )
    .describe('The others, and why; at most the first 500'),
});
export type ProposalRanking = z.infer<typeof ProposalRanking>;
