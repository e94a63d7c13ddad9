/**
 * Closes a run: gathers what became of each selected proposal from the records, and says so in one response. It reads records
 * alone, never what a job returned, so that a job that was lost or delivered twice changes nothing.
 */
import { treatmentOf, type QuorumError } from '@quorum/shared/errors';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening, OutcomeRecord, Records, RunRecord } from '@quorum/shared/records';
import type { AgentRunResponse, RunStatus } from '@quorum/shared/run';
import type { Transitions } from '@quorum/shared/transitions';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { summarise, unopened } from './summarise.ts';

export type CloseDeps = {
  readonly records: Records;
  readonly transitions: Transitions;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly now: () => number;
};

/** Ends a run whose proposals have all left it. Returns the final state that stands. */
export async function closeRun(run: RunRecord, opening: Opening, deps: CloseDeps): Promise<RunStatus> {
  const { records, now } = deps;
  const outcomes = await Promise.all(
    opening.selected.map(async ({ proposal_id: id }): Promise<[ProposalId, OutcomeRecord]> => {
      const known = run.outcomes.get(id);
      // Both jobs of a proposal crashed for good: no outcome was written, and none can come any more.
      const lost: OutcomeRecord = { outcome: { kind: 'failed', why: 'internal' }, settled_at: now() };
      return [id, known ?? (await records.settle(run.runId, id, lost))];
    }),
  );
  const texts = await readTexts(opening, deps);
  const status = run.cancelled ? 'cancelled' : 'completed';
  const response = summarise(run, opening, new Map(outcomes), texts, status, now());
  if (!opening.dry_run) {
    const { owner, space } = run;
    const version = opening.preferences_version;
    const leftBy = (is: (outcome: Outcome) => boolean) => hashesOf(opening, new Map(outcomes), is);
    await records.noteDecidedBefore(owner, space, leftBy(isByPolicy), version, 'by_policy');
    await records.noteDecidedBefore(owner, space, leftBy(isInVain), version, 'in_vain');
  }
  return finish(run, response, deps);
}

/** Ends a run that could not be carried out. What it had not reserved is not voted any more. */
export async function failRun(run: RunRecord, error: QuorumError, deps: CloseDeps): Promise<RunStatus> {
  const opening = run.opening ?? unopened(run);
  const texts = await readTexts(opening, deps);
  const status = run.cancelled ? 'cancelled' : 'failed';
  const response = summarise(run, opening, run.outcomes, texts, status, deps.now());
  const words = `${treatmentOf(error.category).words}: ${error.message}`;
  return finish(run, { ...response, errors: [...response.errors, words] }, deps);
}

/**
 * The texts of what was selected; null for one that is gone or cannot be read. It is wanted for the encoding of a ballot alone:
 * a run that cannot end for it would block its owner and space for ever.
 */
async function readTexts(
  opening: Opening,
  { records, log }: CloseDeps,
): Promise<ReadonlyMap<ProposalId, Proposal | null>> {
  const read = async (hash: string): Promise<Proposal | null> => {
    try {
      return await records.proposal(hash);
    } catch (error) {
      log.error({ err: error, content_hash: hash }, 'stored proposal cannot be read');
      return null;
    }
  };
  return new Map(
    await Promise.all(
      opening.selected.map(async ({ proposal_id: id, content_hash: hash }): Promise<[ProposalId, Proposal | null]> => [
        id,
        await read(hash),
      ]),
    ),
  );
}

async function finish(run: RunRecord, response: AgentRunResponse, deps: CloseDeps): Promise<RunStatus> {
  const state = await deps.transitions.finish(run.owner, response, Date.parse(response.finished_at));
  const stands = state === 'missing' ? response.status : state;
  deps.metrics.runs.inc({ status: stands });
  deps.log.info(
    {
      run_id: run.runId,
      owner: run.owner,
      space_id: run.space,
      status: stands,
      votes_cast: response.votes_cast.length,
      decisions: response.decisions.length,
      errors: response.errors.length,
      execution_time_s: response.execution_time,
    },
    'agent run finished',
  );
  return stands;
}

/** Reasons of the policy: a later live run with the same text and preferences would only find them again. */
function isByPolicy(outcome: Outcome): boolean {
  if (outcome.kind === 'held') return outcome.why !== 'voting_paused';
  if (outcome.kind !== 'skipped') return false;
  return ['injection', 'stakes', 'disagreement', 'below_confidence', 'risk'].includes(outcome.why);
}

/**
 * Reasons that lie in the proposal itself: a later run would most likely meet them again. It may try, but only after everything
 * else, or a few such proposals would take every place of every run until they close.
 */
function isInVain(outcome: Outcome): boolean {
  if (outcome.kind === 'skipped') return outcome.why === 'not_allowed';
  return outcome.kind === 'failed' && ['model_output', 'vote_rejected', 'internal'].includes(outcome.why);
}

/** The selected proposals with such an outcome, id to content hash. */
function hashesOf(
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, OutcomeRecord>,
  is: (outcome: Outcome) => boolean,
): ReadonlyMap<ProposalId, string> {
  return new Map(
    opening.selected
      .filter(({ proposal_id: id }) => {
        const settled = outcomes.get(id);
        return settled !== undefined && is(settled.outcome);
      })
      .map(({ proposal_id: id, content_hash: hash }) => [id, hash]),
  );
}
