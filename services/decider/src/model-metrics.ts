/** What calls to models cost in number, time and tokens. No model's name as a label: an operator may configure any. */
import { CAPS } from '@quorum/shared/budget';
import { NoAnswerWhy } from '@quorum/shared/decision';
import { fromZero } from '@quorum/shared/from-zero';
import { HeldWhy } from '@quorum/shared/outcome';
import { UNSURE_WHYS } from '@quorum/shared/policy';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SHARES = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

export type ModelMetrics = ReturnType<typeof createModelMetrics>;

/** The metrics of calls to models, on the service's registry. */
export function createModelMetrics(registry: Registry) {
  const registers = [registry];
  return {
    calls: fromZero(
      new Counter({
        name: 'quorum_model_calls_total',
        help: 'Calls to a model by what came of them',
        labelNames: ['result'] as const,
        registers,
      }),
      ['answer', ...NoAnswerWhy.options, 'form_refused'],
    ),
    standIns: new Counter({
      name: 'quorum_model_stand_ins_total',
      help: 'Questions that a fallback model answered',
      registers,
    }),
    latency: callDurations(registry),
    tokens: new Counter({
      name: 'quorum_model_tokens_total',
      help: 'Tokens sent to and received from models',
      labelNames: ['direction'] as const,
      registers,
    }),
    spent: new Counter({
      name: 'quorum_model_cost_usd_total',
      help: 'US dollars charged to the budget; what is unknown or was cut short counts with its worst case',
      registers,
    }),
    held: new Gauge({
      name: 'quorum_budget_held_usd',
      help: 'US dollars that this process holds for what is being asked',
      registers,
    }),
    refusals: fromZero(
      new Counter({
        name: 'quorum_budget_refusals_total',
        help: 'Decisions that were not made for want of a budget, by the cap in the way; price: a model has none',
        labelNames: ['cap'] as const,
        registers,
      }),
      [...CAPS, 'price'],
    ),
    reused: new Counter({
      name: 'quorum_decisions_reused_total',
      help: 'Decisions made from answers to the same question, with no model asked',
      registers,
    }),
    archiveFailures: new Counter({
      name: 'quorum_evidence_archive_failures_total',
      help: 'Evidence that could not be written to the archive',
      registers,
    }),
    noAnswers: fromZero(
      new Counter({
        name: 'quorum_model_no_answers_total',
        help: 'Answers that were asked for in a decision and are missing in the end, fallback models included, by why',
        labelNames: ['why'] as const,
        registers,
      }),
      NoAnswerWhy.options,
    ),
    agreement: new Histogram({
      name: 'quorum_decision_agreement_ratio',
      help: 'Share of the answers of a decision that agree with its ballot',
      buckets: SHARES,
      registers,
    }),
    confidence: new Histogram({
      name: 'quorum_decision_confidence_ratio',
      help: 'Confidence of decisions',
      buckets: SHARES,
      registers,
    }),
    decisions: decisionsCounter(registry),
  };
}

/** As in from-zero.ts, and so is the counter below: the first one of its kind is a rise too. */
function callDurations(registry: Registry): Histogram<'result'> {
  const histogram = new Histogram({
    name: 'quorum_model_call_duration_seconds',
    help: 'Duration of calls to a model',
    labelNames: ['result'] as const,
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120],
    registers: [registry],
  });
  for (const result of ['answer', ...NoAnswerWhy.options]) histogram.zero({ result });
  return histogram;
}

function decisionsCounter(registry: Registry): Counter<'verdict' | 'why'> {
  const counter = new Counter({
    name: 'quorum_decisions_total',
    help: 'Decisions by the verdict of the policy',
    labelNames: ['verdict', 'why'] as const,
    registers: [registry],
  });
  const whys = HeldWhy.options.filter((why) => why !== 'voting_paused');
  counter.inc({ verdict: 'cast', why: '' }, 0);
  for (const why of whys) counter.inc({ verdict: 'hold', why }, 0);
  for (const why of UNSURE_WHYS) counter.inc({ verdict: 'skip', why }, 0);
  counter.inc({ verdict: 'skip', why: 'budget' }, 0);
  for (const why of ['model_output', 'timeout', 'upstream_unavailable']) counter.inc({ verdict: 'failed', why }, 0);
  return counter;
}
