/** The job `rank`, for `GET /proposals`: what a live run would choose by now, by the same code, without a run and without a model. */
import { toQuorumError } from '@quorum/shared/errors';
import type { JobPayload, JobResult } from '@quorum/shared/jobs';
import { establish, type OpenDeps } from './open.ts';
import type { Patience } from './power-questions.ts';

const DROPPED_TOLD = 500;
/** The job has half a minute. */
const PATIENCE: Patience = { slowMs: 5_000, allMs: 15_000 };

/** Ranks the proposals of a space for an owner. Never throws what the asker should hear of: that is an answer too. */
export async function rankJob(
  { owner, space_id: space }: JobPayload<'rank'>,
  deps: OpenDeps,
  signal: AbortSignal,
): Promise<JobResult<'rank'>> {
  try {
    const asked = { owner, space, dryRun: false };
    const { opening, dropped } = await establish(asked, { powerPatience: PATIENCE, ...deps }, signal);
    return {
      kind: 'ranked',
      ranking: {
        space_id: space,
        dry_run: opening.dry_run,
        user_preferences_applied: opening.preferences_applied,
        errors: [...opening.errors],
        filter_metrics: opening.filter_metrics,
        selected: opening.selected.map(({ content_hash: _hash, takes_power_back: _stakes, ...shown }) => shown),
        dropped: dropped.slice(0, DROPPED_TOLD),
      },
    };
  } catch (thrown) {
    const { category, message, retryAfterS } = toQuorumError(thrown);
    deps.log.warn({ err: thrown, owner, space_id: space }, 'proposals not ranked');
    return { kind: 'failed', category, message, retry_after_s: retryAfterS ?? null };
  }
}
