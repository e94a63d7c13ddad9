/** What was, in the words of the API: the runs of an owner, and what they decided. */
import { ProposalId, SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { VoteDecision } from './decision.ts';
import { OwnerId, RunId } from './ids.ts';
import { OutcomeKind } from './outcome.ts';
import { Next, pagingBy } from './paging.ts';
import { RunStatus } from './run.ts';

const ofOwner = {
  owner: OwnerId.optional().describe('Whose; left out: your own, and for an admin those of all owners'),
};
const FROM_LATEST = 'from the latest on';

/** What `GET /agent-run` takes. */
export const RunsQuery = z.strictObject({
  space_id: SpaceId.optional().describe('Only runs of this space'),
  status: RunStatus.optional().describe('Only runs that are there by now'),
  ...ofOwner,
  ...pagingBy(/^\d{1,15}~[0-9a-f-]{36}$/, FROM_LATEST),
});
export type RunsQuery = z.infer<typeof RunsQuery>;

const Count = z.int().nonnegative();

/** A run in a list. */
export const RunSummary = z.object({
  run_id: RunId,
  owner: OwnerId,
  status: RunStatus,
  space_id: SpaceId,
  dry_run: z.boolean().describe('Whether the run casts nothing'),
  accepted_at: z.iso.datetime().describe('When the run was accepted'),
  started_at: z.iso.datetime().nullable().describe('When the run began; null where it has not'),
  finished_at: z.iso.datetime().nullable().describe('When the run ended; null where it has not'),
  selected: Count.describe('Proposals that were chosen for a decision'),
  outcomes: z
    .object({
      cast: Count.describe('Votes that were cast'),
      simulated: Count.describe('Votes that a dry run would have cast'),
      held: Count.describe('Held for the owner, answered since or not'),
      skipped: Count.describe('Skipped without a fault'),
      failed: Count.describe('Failed'),
    })
    .describe('Where the proposals ended in the run, so far'),
  errors: Count.describe('How many errors the result tells of; 0 until the run has ended'),
  status_url: z.string().describe('Where all of it is'),
});
export type RunSummary = z.infer<typeof RunSummary>;

/** The answer of `GET /agent-run`. */
export const RunsPage = z.object({
  runs: z.array(RunSummary).describe('The run that was accepted last comes first'),
  next: Next,
});
export type RunsPage = z.infer<typeof RunsPage>;

/** What `GET /decisions` takes. */
export const DecisionsQuery = z.strictObject({
  space_id: SpaceId.optional().describe('Only decisions on proposals of this space'),
  proposal_id: ProposalId.optional().describe('Only decisions on this proposal'),
  outcome: OutcomeKind.optional().describe('Only decisions that ended so in their run'),
  ...ofOwner,
  ...pagingBy(/^\d{1,15}~[0-9a-f-]{36}~\d{1,4}$/, FROM_LATEST),
});
export type DecisionsQuery = z.infer<typeof DecisionsQuery>;

/** A decision, and the run that made it. */
const PastDecision = VoteDecision.extend({
  run_id: RunId,
  owner: OwnerId,
  space_id: SpaceId,
  dry_run: z.boolean().describe('Whether the run cast nothing'),
  finished_at: z.iso.datetime().describe('When the run ended'),
});

/** The answer of `GET /decisions`. */
export const DecisionsPage = z.object({
  decisions: z.array(PastDecision).describe('Those of the run that ended last come first'),
  next: Next,
});
export type DecisionsPage = z.infer<typeof DecisionsPage>;
