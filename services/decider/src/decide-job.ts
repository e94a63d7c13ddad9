/**
 * The job `decide`: reads what the run has established, decides, and records the decision under the decider's seal. The first
 * record stands; a job that is delivered again finds it and asks no model.
 */
import { contentHash } from '@quorum/snapshot/content-hash';
import type { FailedWhy } from '@quorum/shared/outcome';
import { QuorumError, treatmentOf, UpstreamError } from '@quorum/shared/errors';
import type { JobPayload, JobResult } from '@quorum/shared/jobs';
import type { Verdict } from '@quorum/shared/policy';
import { inSpace } from '@quorum/shared/preferences';
import type { DecisionRecord, Records, RunRecord } from '@quorum/shared/records';
import type { Attempt } from '@quorum/shared/job-handler';
import { sealDecision } from '@quorum/shared/sealed-decision';
import type { Usage } from '@quorum/shared/decision';
import type { NoAnswerWhy } from './ask.ts';
import { decide, type Decided, type DecideDeps, type DecideInput } from './decide.ts';

type Payload = JobPayload<'decide'>;
type Result = JobResult<'decide'>;

/** What a run keeps to from its first decision on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<DecideDeps, 'settings' | 'timeoutMs' | 'prices'>;

export type DecideJobDeps = Omit<DecideDeps, 'log' | keyof RunTerms> & {
  readonly termsOf: (run: RunRecord) => Promise<RunTerms>;
  readonly records: Pick<Records, 'run' | 'proposal' | 'decide' | 'putEvidence'>;
  readonly attempt: Pick<Attempt, 'last' | 'log'>;
};

const NO_USAGE: Usage = { calls: 0, input_tokens: 0, output_tokens: 0, cost_usd: 0 };

/**
 * Decides one proposal of a run. A run that is closed or cancelled gets no decision; its vote job sees so by itself. Throws
 * `UpstreamError` where every missing answer is one that another attempt may bring, and one is left.
 */
export async function decideJob(payload: Payload, deps: DecideJobDeps, signal: AbortSignal): Promise<Result> {
  const { records, attempt } = deps;
  const began = performance.now();
  const run = await records.run(payload.run_id);
  const stands = run?.decisions.get(payload.proposal_id);
  if (stands !== undefined) return resultOf(stands);
  if (run === null || run.state !== 'running' || run.cancelled) return { kind: 'failed', why: 'internal' };

  const input = await readInput(payload, run, records);
  const decided = await decide(input, { ...deps, ...(await deps.termsOf(run)), log: attempt.log }, signal);
  if (decided.kind === 'too_few_answers' && !attempt.last && decided.whys.every(isPassing)) {
    throw new UpstreamError('upstream_unavailable', 'model', `Too few answers of the model (${tally(decided.whys)}).`);
  }
  // The evidence first: a decision whose evidence is missing could not be explained.
  if (decided.kind === 'decided') await records.putEvidence(decided.evidence.hash, decided.evidence.text);
  const record = await records.decide(payload.run_id, payload.proposal_id, recordOf(decided, deps.key));
  report(decided, deps, began);
  return resultOf(record);
}

/** Records that a decision failed for good, and gives back what stands. */
export async function recordFailure(
  payload: Payload,
  error: QuorumError,
  records: Pick<Records, 'decide'>,
): Promise<Result> {
  const { why } = treatmentOf(error.category);
  const record: DecisionRecord = { kind: 'failed', why, detail: error.message, usage: NO_USAGE };
  return resultOf(await records.decide(payload.run_id, payload.proposal_id, record));
}

async function readInput(payload: Payload, run: RunRecord, records: Pick<Records, 'proposal'>): Promise<DecideInput> {
  const { opening } = run;
  const selected = opening?.selected.find(({ proposal_id: id }) => id === payload.proposal_id);
  const proposal = await records.proposal(payload.content_hash);
  if (opening === null || selected === undefined || selected.content_hash !== payload.content_hash) {
    throw new QuorumError('internal', 'The run does not hold the proposal that is to be decided.');
  }
  if (proposal === null) throw new QuorumError('internal', "The proposal's text is no longer stored.");
  if (proposal.id !== payload.proposal_id || contentHash(proposal) !== payload.content_hash) {
    throw new QuorumError('internal', "The proposal's stored text is not the one that was selected.");
  }
  return {
    runId: run.runId,
    owner: run.owner,
    proposal,
    contentHash: payload.content_hash,
    preferences: inSpace(opening.preferences, run.space),
    preferencesVersion: opening.preferences_version,
    votingPower: selected.voting_power,
  };
}

function recordOf(decided: Decided, key: Buffer): DecisionRecord {
  if (decided.kind === 'decided') return { kind: 'decided', sealed: sealDecision(decided.decision, key) };
  const { asked, whys, usage } = decided;
  const detail = `${asked - whys.length} of ${asked} answers were usable (${tally(whys)}).`;
  return { kind: 'failed', why: whyNoAnswers(decided), detail, usage };
}

function whyNoAnswers({ whys }: Extract<Decided, { kind: 'too_few_answers' }>): FailedWhy {
  if (!whys.every(isPassing)) return 'model_output';
  return whys.every((why) => why === 'timeout') ? 'timeout' : 'upstream_unavailable';
}

/** What another attempt may mend: the model was not reached, or not in time. */
function isPassing(why: NoAnswerWhy): boolean {
  return why === 'unavailable' || why === 'rate_limited' || why === 'timeout';
}

function resultOf(record: DecisionRecord): Result {
  return record.kind === 'decided' ? { kind: 'decided' } : { kind: 'failed', why: record.why };
}

/** `2 timeout, 1 refusal` */
function tally(whys: readonly NoAnswerWhy[]): string {
  const counts = Map.groupBy(whys, (why) => why);
  return [...counts].map(([why, all]) => `${all.length} ${why}`).join(', ');
}

/** One event a decision: numbers and names, no prose. */
function report(decided: Decided, deps: DecideJobDeps, began: number): void {
  const { log } = deps.attempt;
  const usage = decided.kind === 'decided' ? decided.decision.usage : decided.usage;
  const common = {
    duration_ms: Math.round(performance.now() - began),
    calls: usage.calls,
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
  };
  if (decided.kind === 'too_few_answers') {
    deps.metrics.decisions.inc({ verdict: 'failed', why: whyNoAnswers(decided) });
    log.warn({ ...common, asked: decided.asked, missing: tally(decided.whys) }, 'no decision');
    return;
  }
  const { verdict, aggregate } = decided.judgement;
  deps.metrics.decisions.inc({ verdict: verdict.kind, why: whyOfVerdict(verdict) });
  log.info(
    {
      ...common,
      verdict: verdict.kind,
      why: whyOfVerdict(verdict),
      confidence: aggregate.confidence,
      agreement: aggregate.agreement,
      stakes: aggregate.stakes,
      signals: decided.decision.signals.map(({ kind }) => kind),
      evidence_hash: decided.evidence.hash,
    },
    'proposal decided',
  );
}

function whyOfVerdict(verdict: Verdict): string {
  return verdict.kind === 'cast' ? '' : verdict.why;
}
