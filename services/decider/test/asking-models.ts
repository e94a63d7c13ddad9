/** What `ask` needs, for tests that ask a model server. */
import { Registry } from 'prom-client';
import { PATIENT } from '../../../test/patience.ts';
import { createModelClient, type AskDeps, type Question } from '../src/ask.ts';
import { createModelMetrics } from '../src/model-metrics.ts';
import { keyOptions } from '../src/options.ts';
import { answerSchema, readAnswer } from '../src/schema.ts';
import { preparedLog } from './log.ts';
import { REASONS, type ModelServer, type Reply } from './model-server.ts';

const CHOICES = ['For', 'Against'];
const OPTIONS = keyOptions(CHOICES, [2, 1]);

/** A question for a single choice: `A: Against` or `B: For`. */
export const QUESTION: Question = {
  model: 'small',
  messages: [
    { role: 'system', content: 'Rules.' },
    { role: 'user', content: 'Proposal.' },
  ],
  schema: answerSchema('basic', OPTIONS),
  read: (reply) => readAnswer(reply, { type: 'basic', choices: CHOICES }, OPTIONS, undefined),
};

/** A good answer to `QUESTION`, whatever schema was sent. */
export const FOR: Reply = { kind: 'says', content: JSON.stringify({ ...REASONS, choice: 'B: For' }) };

export const running = (): AbortSignal => new AbortController().signal;

export type Changes = Partial<Omit<AskDeps, 'settings'>> & {
  readonly fallbackModels?: readonly string[];
  readonly extras?: 'auto' | 'openrouter' | 'none';
};

/** Everything that is asked goes to this server. */
export function askingDeps(server: ModelServer, changes: Changes = {}): AskDeps {
  const { fallbackModels = [], extras = 'auto', ...rest } = changes;
  return {
    client: createModelClient({ baseUrl: server.url, apiKey: 'secret-key', extras }),
    timeoutMs: PATIENT.timeout,
    settings: { maxOutputTokens: 4_000, fallbackModels },
    prices: {},
    metrics: createModelMetrics(new Registry()),
    log: preparedLog().logger,
    ...rest,
  };
}
