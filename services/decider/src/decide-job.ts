/**
 * The job `decide`: reads what the run has established, decides, and records the decision under the decider's seal. The first
 * record stands; a job that is delivered again finds it and asks no model.
 */
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import type { FailedWhy } from '@quorum/shared/outcome';
import { assertNever } from '@quorum/shared/assert-never';
import type { Budget, Caps } from '@quorum/shared/budget';
import { QuorumError, treatmentOf } from '@quorum/shared/errors';
import { JOBS, type JobPayload, type JobResult } from '@quorum/shared/jobs';
import type { Verdict } from '@quorum/shared/policy';
import { inSpace, type UserPreferences } from '@quorum/shared/preferences';
import type { DecisionRecord, Records, RunForDecision } from '@quorum/shared/records';
import type { Keeps } from '@quorum/shared/run-fields';
import type { Metrics } from '@quorum/shared/metrics';
import { tellSecurity } from '@quorum/shared/security-events';
import type { Attempt } from '@quorum/shared/job-handler';
import { sealDecision } from '@quorum/shared/sealed-decision';
import { addUsage, type Usage } from '@quorum/shared/decision';
import { timeLimit } from '@quorum/shared/time-limit';
import { isPassing, type Missing } from './ask.ts';
import type { AnswerBook } from './answers.ts';
import type { Archived } from './archive.ts';
import { decide, type Decided, type DecideDeps, type DecideInput } from './decide.ts';
import { type DecideClock, startDecideClock } from './decide-clock.ts';
import { createSpend } from './spending.ts';
import { latestEnd, tally, tryAgain } from './try-again.ts';

type Payload = JobPayload<'decide'>;
type Result = JobResult<'decide'>;

const SECOND_MS = 1_000;
/** What is left of an attempt for recording what was decided. */
const CLOSING_MS = 15 * SECOND_MS;

/** What a run keeps to from its first decision on, whatever the operator changes meanwhile. */
export type RunTerms = Pick<DecideDeps, 'settings' | 'timeoutMs' | 'prices'> & {
  /** With less than this left no vote is begun, and so no model asked about one. */
  readonly minTimeToVoteS: number;
};

export type DecideJobDeps = Omit<DecideDeps, 'log' | 'limit' | 'answers' | 'spend' | keyof RunTerms> & {
  readonly termsOf: (run: Pick<RunForDecision, 'runId' | 'settings'>) => Promise<RunTerms>;
  /** What a run keeps that is first decided on now, so that asking for its terms costs no trip. */
  readonly keeps: () => Keeps;
  readonly records: Pick<
    Records,
    'runForDecision' | 'proposal' | 'decide' | 'deciding' | 'putEvidence' | 'spent' | 'triedToDecide'
  >;
  readonly answers: AnswerBook;
  readonly archive: (archived: Archived) => Promise<void>;
  readonly budget: Budget;
  readonly caps: () => Caps;
  readonly attempt: Pick<Attempt, 'last' | 'pickups' | 'log'>;
  readonly security: Metrics['security'];
};

/**
 * Decides one proposal of a run. A run that is closed or cancelled gets no decision; its vote job sees so by itself. Throws
 * `UpstreamError` where another attempt may bring what is missing, and one is left; `PostponeError` where a model asked for a pause
 * and there is time for it.
 */
export async function decideJob(payload: Payload, deps: DecideJobDeps, signal: AbortSignal): Promise<Result> {
  const { records, attempt } = deps;
  const began = performance.now();
  const beganMs = deps.now();
  // Asked for with the run, not after it; whether it can be read matters only where it is to be decided.
  const text = records.proposal(payload.content_hash);
  text.catch(() => undefined);
  const run = await records.runForDecision(payload.run_id, payload.proposal_id, deps.keeps());
  const stands = run?.decisions.get(payload.proposal_id);
  if (stands !== undefined) return resultOf(stands);
  if (run === null || run.state !== 'running' || run.cancelled) return { kind: 'failed', why: 'internal' };

  const [{ input, preferences }, terms] = await Promise.all([readInput(payload, run, text), deps.termsOf(run)]);
  // Models are asked meanwhile: what is told of it has gone to Redis before anything that comes of it.
  let telling: Promise<void> | undefined;
  const tell = (): void => {
    telling = records.deciding(payload.run_id, payload.proposal_id);
    telling.catch(() => undefined);
  };
  // After the look at earlier answers, whatever comes of it: the look need not wait until that is on the disk, and questions are made then.
  const answers: DecideDeps['answers'] = { find: (...asked) => deps.answers.find(...asked).finally(tell) };
  const who = { runId: run.runId, owner: run.owner, proposal: payload.proposal_id };
  const untilMs = latestEnd(input.proposal.end, terms.minTimeToVoteS);
  const { spend, charged } = createSpend(who, { ...deps, prices: terms.prices, untilMs });
  using limit = timeLimit(Math.max(0, Math.min(JOBS.decide.timeoutMs - CLOSING_MS, untilMs - deps.now())));
  const clock = startDecideClock(run.acceptedAtMs, beganMs, deps.now);
  const made = await keptIfThrown(payload, clock, deps, async () => {
    const asking = { ...deps, ...terms, answers, spend, limit: limit.signal, log: attempt.log, onAsk: clock.onAsk };
    const decided = await decide(input, asking, signal);
    await Promise.all([telling, charged()]);
    await tryAgain(decided, input, { run, untilMs }, deps);
    const soFar = madeOf(decided);
    // The evidence first: a decision whose evidence is missing could not be explained.
    if (soFar.kind === 'decided') await keepBehind(soFar, input, preferences, deps);
    return soFar;
  });
  const record = await records.decide(payload.run_id, payload.proposal_id, recordOf(made, clock, deps.key), () =>
    report(made, deps, began),
  );
  return resultOf(record);
}

/**
 * Keeps when the calls of a try were made that comes to no record: it is to be tried again, others hold the budget, or it was cut short, as
 * by the end of its run. What was thrown is thrown, whatever becomes of that.
 */
async function keptIfThrown<T>(
  { run_id: runId, proposal_id: proposal }: Payload,
  clock: DecideClock,
  { records, attempt }: Pick<DecideJobDeps, 'records' | 'attempt'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await records
      .triedToDecide(runId, proposal, attempt.pickups, clock.times())
      .catch((fault: unknown) => attempt.log.warn({ err: fault }, 'times of a try not kept'));
    throw error;
  }
}

/** Records that a decision failed for good, and gives back what stands. */
export async function recordFailure(
  payload: Payload,
  error: QuorumError,
  records: Pick<Records, 'decide' | 'spent'>,
): Promise<Result> {
  const { why } = treatmentOf(error.category);
  const usage = await records.spent(payload.run_id, payload.proposal_id);
  const record: DecisionRecord = { kind: 'failed', why, detail: error.message, usage };
  return resultOf(await records.decide(payload.run_id, payload.proposal_id, record));
}

/** Keeps what is behind a decision: its evidence, and what models said, for the next time that they would be asked the same. */
async function keepBehind(
  { evidence, decision, reused }: Extract<Decided, { kind: 'decided' }>,
  { owner, proposal, contentHash: hash, preferencesVersion }: DecideInput,
  preferences: UserPreferences,
  deps: DecideJobDeps,
): Promise<void> {
  await Promise.all([
    deps.records.putEvidence(evidence.hash, evidence.text),
    deps.archive({ contentHash: hash, proposal, preferencesVersion, preferences, evidence }),
    // Of evidence that did not get there nothing is used again.
    ...(reused ? [] : [deps.answers.keep(owner, decision.inputs_hash, evidence.hash)]),
  ]);
}

async function readInput(
  payload: Payload,
  run: RunForDecision,
  text: Promise<Proposal | null>,
): Promise<{ input: DecideInput; preferences: UserPreferences }> {
  const { opening } = run;
  const selected = opening?.selected.find(({ proposal_id: id }) => id === payload.proposal_id);
  const proposal = await text;
  if (opening === null || selected === undefined || selected.content_hash !== payload.content_hash) {
    throw new QuorumError('internal', 'The run does not hold the proposal that is to be decided.');
  }
  if (proposal === null) throw new QuorumError('internal', "The proposal's text is no longer stored.");
  if (proposal.id !== payload.proposal_id || contentHash(proposal) !== payload.content_hash) {
    throw new QuorumError('internal', "The proposal's stored text is not the one that was selected.");
  }
  const input = {
    runId: run.runId,
    owner: run.owner,
    proposal,
    contentHash: payload.content_hash,
    preferences: inSpace(opening.preferences, run.space),
    preferencesVersion: opening.preferences_version,
    votingPower: selected.voting_power,
    takesPowerBack: selected.takes_power_back ?? false,
    spentBefore: run.spent.get(proposal.id) ?? addUsage([]),
  };
  return { input, preferences: opening.preferences };
}

/** What is recorded. A proposal that is skipped for good is never looked at again: not for an answer that did not arrive. */
type Made = Exclude<Decided, { kind: 'too_few_answers' }> | NoDecision;
type NoDecision = Pick<Missing, 'whys'> & {
  readonly kind: 'no_decision';
  readonly asked: number;
  /** For the owner. */
  readonly detail: string;
  readonly usage: Usage;
};

function madeOf(decided: Decided): Made {
  if (decided.kind === 'too_few_answers') {
    const { asked, whys, usage } = decided;
    const detail = `${asked - whys.length} of ${asked} answers were usable (${tally(whys)}).`;
    return { kind: 'no_decision', asked, whys, detail, usage };
  }
  if (decided.kind !== 'decided' || !decided.undone || decided.notReached === null) return decided;
  const { whys } = decided.notReached;
  const { samples, usage } = decided.decision;
  const detail = `Answers that may have it cast did not arrive (${tally(whys)}).`;
  return { kind: 'no_decision', asked: samples.length, whys, detail, usage };
}

function recordOf(made: Made, clock: DecideClock, key: Buffer): DecisionRecord {
  const times = clock.times();
  if (made.kind === 'decided') return { kind: 'decided', sealed: sealDecision(made.decision, key), times };
  const { usage, detail } = made;
  if (made.kind === 'no_budget') return { kind: 'skipped', why: 'budget', detail, usage, times };
  return { kind: 'failed', why: whyNoAnswers(made), detail, usage, times };
}

function whyNoAnswers({ whys }: NoDecision): FailedWhy {
  if (!whys.every(isPassing)) return 'model_output';
  return whys.every((why) => why === 'timeout') ? 'timeout' : 'upstream_unavailable';
}

function resultOf(record: DecisionRecord): Result {
  switch (record.kind) {
    case 'decided':
      return { kind: 'decided' };
    case 'failed':
      return { kind: 'failed', why: record.why };
    case 'skipped':
      return { kind: 'skipped', why: record.why };
    default:
      return assertNever(record);
  }
}

/** One event a decision, of the delivery that was first: numbers and names, no prose. */
function report(made: Made, deps: DecideJobDeps, began: number): void {
  const { log } = deps.attempt;
  if (made.kind === 'no_budget') {
    // Which cap, and how much of it is left, is logged where it was asked.
    deps.metrics.decisions.inc({ verdict: 'skip', why: 'budget' });
    return;
  }
  const usage = made.kind === 'decided' ? made.decision.usage : made.usage;
  const common = {
    duration_ms: Math.round(performance.now() - began),
    calls: usage.calls,
    input_tokens: usage.input_tokens,
    output_tokens: usage.output_tokens,
  };
  if (made.kind === 'no_decision') {
    deps.metrics.decisions.inc({ verdict: 'failed', why: whyNoAnswers(made) });
    for (const why of made.whys) deps.metrics.noAnswers.inc({ why });
    log.warn({ ...common, asked: made.asked, missing: tally(made.whys) }, 'no decision');
    return;
  }
  const { verdict, aggregate } = made.judgement;
  const { samples, signals } = made.decision;
  deps.metrics.agreement.observe(aggregate.agreement);
  deps.metrics.confidence.observe(aggregate.confidence);
  for (const sample of samples) if (sample.kind === 'no_answer') deps.metrics.noAnswers.inc({ why: sample.why });
  if (signals.some(({ strength }) => strength === 'hard')) {
    tellSecurity({ metrics: deps, log }, 'injection_suspected', { signals: signals.map(({ kind }) => kind) });
  }
  if (made.reused) deps.metrics.reused.inc();
  deps.metrics.decisions.inc({ verdict: verdict.kind, why: whyOfVerdict(verdict) });
  log.info(
    {
      ...common,
      verdict: verdict.kind,
      why: whyOfVerdict(verdict),
      confidence: aggregate.confidence,
      agreement: aggregate.agreement,
      stakes: aggregate.stakes,
      signals: signals.map(({ kind }) => kind),
      reused: made.reused,
      evidence_hash: made.evidence.hash,
    },
    'proposal analysed',
  );
}

function whyOfVerdict(verdict: Verdict): string {
  return verdict.kind === 'cast' ? '' : verdict.why;
}
