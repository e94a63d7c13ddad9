/**
 * Step 3: the one module that talks to a model. Whatever the endpoint does becomes a value: an answer, or one of the reasons why
 * there is none. Only being told to stop is thrown.
 *
 *   200, a reply that fits          → answer
 *   200, a reply that does not fit  → asked once more, with what was wrong; then `invalid`
 *   200, refused or filtered        → refusal          200, cut at the length limit → truncated
 *   429 → rate_limited              no answer in time → timeout              anything else → unavailable
 */
import { printable } from '@quorum/snapshot/printable';
import { addUsage, type Sample, type Usage } from '@quorum/shared/decision';
import type { Logger } from '@quorum/shared/log';
import OpenAI, { APIError } from 'openai';
import { z } from 'zod';
import type { Prices } from './config.ts';
import type { Message } from './fence.ts';
import type { ModelMetrics } from './model-metrics.ts';
import type { Answer, Reading } from './schema.ts';

export type NoAnswerWhy = Extract<Sample, { kind: 'no_answer' }>['why'];

/** One question to one model. */
export type Question = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly schema: Record<string, unknown>;
  /** Reads the reply; see `readAnswer`. */
  read(reply: string): Reading;
};

/** What came of a question. `answeredBy`: the model that the endpoint named. `repaired`: why a first reply did not fit. */
export type Asked = {
  readonly sample: Sample;
  readonly usage: Usage;
  readonly answeredBy: string | null;
  readonly repaired: string | null;
};

export type AskDeps = {
  readonly client: OpenAI;
  readonly timeoutMs: number;
  readonly prices: Prices;
  readonly metrics: ModelMetrics;
  readonly log: Logger;
};

/** A client for any endpoint that speaks the OpenAI API. Retries are the job's: two layers of them would multiply. */
export function createModelClient(options: { baseUrl: string; apiKey: string }): OpenAI {
  return new OpenAI({
    baseURL: options.baseUrl,
    apiKey: options.apiKey,
    maxRetries: 0,
    // What the library would take from the environment by itself.
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    // Its own logger writes to the console.
    logLevel: 'off',
    // A redirect would carry the question, and perhaps the key, to somewhere that nobody configured.
    fetchOptions: { redirect: 'error' },
  });
}

/** Asks a model once, and once more if the reply does not fit. Throws only what `signal` was aborted with. */
export async function ask(question: Question, deps: AskDeps, signal: AbortSignal): Promise<Asked> {
  const first = await call(question, question.messages, deps, signal);
  if (first.result.kind !== 'invalid') return asked(question.model, first.result, [first], null);
  const { why } = first.result;
  const second = await call(question, withRepair(question.messages, why), deps, signal);
  return asked(question.model, second.result, [first, second], why);
}

/** The note goes to the system message: there stays one of each, and the failed reply, which strangers may have shaped, is not read again. */
function withRepair(messages: readonly Message[], why: string): Message[] {
  return messages.map((message) =>
    message.role === 'system'
      ? {
          role: message.role,
          content: `${message.content}\n\nYour last reply could not be used: ${why}. Answer again, with one JSON object that fits the schema and nothing else.`,
        }
      : message,
  );
}

type CallResult =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'invalid'; readonly why: string }
  | { readonly kind: 'none'; readonly why: Exclude<NoAnswerWhy, 'invalid'> };

type Call = { readonly result: CallResult; readonly usage: Usage; readonly answeredBy: string | null };

function asked(model: string, result: CallResult, calls: readonly Call[], repaired: string | null): Asked {
  const sample: Sample =
    result.kind === 'answer'
      ? { kind: 'answer', model, ...result.answer }
      : { kind: 'no_answer', model, why: result.kind === 'none' ? result.why : 'invalid' };
  return {
    sample,
    usage: addUsage(calls.map((each) => each.usage)),
    answeredBy: calls.at(-1)?.answeredBy ?? null,
    repaired,
  };
}

async function call(
  question: Question,
  messages: readonly Message[],
  deps: AskDeps,
  signal: AbortSignal,
): Promise<Call> {
  signal.throwIfAborted();
  // Covers the whole of the call, a body that trickles in too. The client's own limit of ten minutes is never reached.
  const limit = AbortSignal.timeout(deps.timeoutMs);
  const began = performance.now();
  const observe = (result: CallResult, tokens: Tokens | null): void => {
    const label = result.kind === 'none' ? result.why : result.kind;
    deps.metrics.calls.inc({ result: label });
    deps.metrics.latency.observe({ result: label }, (performance.now() - began) / 1_000);
    deps.metrics.tokens.inc({ direction: 'input' }, tokens?.prompt_tokens ?? 0);
    deps.metrics.tokens.inc({ direction: 'output' }, tokens?.completion_tokens ?? 0);
  };
  let reply: unknown;
  try {
    reply = await deps.client.chat.completions.create(
      {
        model: question.model,
        messages: messages.map(({ role, content }) => ({ role, content })),
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'decision', strict: true, schema: question.schema },
        },
      },
      { signal: AbortSignal.any([signal, limit]) },
    );
  } catch (thrown) {
    // Whoever told us to stop is told that it was stopped; everything else came from the other side.
    signal.throwIfAborted();
    const result: CallResult = { kind: 'none', why: limit.aborted ? 'timeout' : faultOf(thrown) };
    observe(result, null);
    deps.log.warn({ model: question.model, why: result.why, ...detailsOf(thrown) }, 'model did not answer');
    const price = deps.prices[question.model];
    // A call that was cut off may be charged all the same; one that was turned away is not.
    const cost = price === undefined || result.why === 'timeout' ? null : 0;
    return { result, usage: { calls: 1, input_tokens: 0, output_tokens: 0, cost_usd: cost }, answeredBy: null };
  }
  const completion = Completion.safeParse(reply);
  const result = completion.success ? read(completion.data, question) : UNAVAILABLE;
  const tokens = completion.success ? (completion.data.usage ?? null) : null;
  observe(result, tokens);
  return {
    result,
    usage: usageOf(tokens, deps.prices[question.model]),
    answeredBy: completion.success ? printable((completion.data.model ?? '').toWellFormed(), 200) || null : null,
  };
}

const UNAVAILABLE = { kind: 'none', why: 'unavailable' } as const satisfies CallResult;

const Tokens = z.object({ prompt_tokens: z.int().nonnegative(), completion_tokens: z.int().nonnegative() });
type Tokens = z.infer<typeof Tokens>;

/** What we need of a completion. What does not look like one came from a proxy, not from a model. */
const Completion = z.object({
  model: z.string().nullish(),
  choices: z
    .array(
      z.object({
        finish_reason: z.string().nullish(),
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
      }),
    )
    .min(1),
  // Some endpoints leave it out or send another form: then the cost is unknown, and the answer still counts.
  usage: Tokens.nullish().catch(null),
});

function read(completion: z.infer<typeof Completion>, question: Question): CallResult {
  const [choice] = completion.choices;
  if (choice === undefined) return UNAVAILABLE;
  const { content, refusal } = choice.message;
  if ((refusal ?? '') !== '' || choice.finish_reason === 'content_filter') return { kind: 'none', why: 'refusal' };
  if (choice.finish_reason === 'length') return { kind: 'none', why: 'truncated' };
  if ((content ?? '').trim() === '') return { kind: 'invalid', why: 'it is empty' };
  return question.read(content ?? '');
}

function usageOf(tokens: Tokens | null, price: Prices[string] | undefined): Usage {
  const input = tokens?.prompt_tokens ?? 0;
  const output = tokens?.completion_tokens ?? 0;
  const known = tokens !== null && price !== undefined;
  return {
    calls: 1,
    input_tokens: input,
    output_tokens: output,
    cost_usd: known ? (input * price.input_usd_per_million + output * price.output_usd_per_million) / 1e6 : null,
  };
}

function faultOf(thrown: unknown): 'rate_limited' | 'timeout' | 'unavailable' {
  if (!(thrown instanceof APIError)) return 'unavailable';
  if (thrown.status === 429) return 'rate_limited';
  if (thrown instanceof OpenAI.APIConnectionTimeoutError || thrown.status === 408 || thrown.status === 504) {
    return 'timeout';
  }
  return 'unavailable';
}

/**
 * For the log: status and code say whether the key, the model's name or the endpoint is wrong. The endpoint's own words stay out:
 * some repeat the question or the key.
 */
function detailsOf(thrown: unknown): Record<string, unknown> {
  if (!(thrown instanceof APIError)) return { error: thrown instanceof Error ? thrown.name : typeof thrown };
  return {
    error: thrown.constructor.name,
    ...(thrown.status === undefined ? {} : { status: thrown.status }),
    ...(typeof thrown.code === 'string' ? { code: printable(thrown.code.toWellFormed(), 80) } : {}),
  };
}
