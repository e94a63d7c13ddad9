/** What calls to models cost in number, time and tokens. No model's name as a label: an operator may configure any. */
import { Counter, Histogram, type Registry } from 'prom-client';

export type ModelMetrics = ReturnType<typeof createModelMetrics>;

/** The metrics of calls to models, on the service's registry. */
export function createModelMetrics(registry: Registry) {
  const registers = [registry];
  return {
    calls: new Counter({
      name: 'quorum_model_calls_total',
      help: 'Calls to a model by what came of them',
      labelNames: ['result'] as const,
      registers,
    }),
    latency: new Histogram({
      name: 'quorum_model_call_duration_seconds',
      help: 'Duration of calls to a model',
      labelNames: ['result'] as const,
      buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120],
      registers,
    }),
    tokens: new Counter({
      name: 'quorum_model_tokens_total',
      help: 'Tokens sent to and received from models',
      labelNames: ['direction'] as const,
      registers,
    }),
    decisions: new Counter({
      name: 'quorum_decisions_total',
      help: 'Decisions by the verdict of the policy',
      labelNames: ['verdict', 'why'] as const,
      registers,
    }),
  };
}
