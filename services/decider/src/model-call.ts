/**
 * One call to one model over HTTP, in the form that the model takes. Whatever the endpoint does becomes a value. Only being told to
 * stop is thrown.
 */
import type { OnExchange } from '@quorum/snapshot/exchange';
import { printable } from '@quorum/snapshot/printable';
import { retryAfterS } from '@quorum/snapshot/http-answer';
import type { NoAnswerWhy, Usage } from '@quorum/shared/decision';
import { QuorumError, UpstreamError } from '@quorum/shared/errors';
import type { Logger } from '@quorum/shared/log';
import { timeLimit } from '@quorum/shared/time-limit';
import type { Gate } from '@quorum/shared/upstream-gate';
import { APIError, type OpenAI } from 'openai';
import { z } from 'zod';
import { formFields, formMessages, formName, nextForm, type AnswerForm, type FormMemory } from './answer-form.ts';
import type { Prices } from './config.ts';
import { priceOf } from './cost.ts';
import type { Message } from './fence.ts';
import { exchangeTeller, FORM_REFUSED, statusOf } from './model-exchange.ts';
import type { ModelMetrics } from './model-metrics.ts';
import { detailsOf, faultOf, wasTurnedAway } from './model-fault.ts';
import { inModelSpan } from './model-span.ts';

/** An endpoint, and what is known of it. */
export type ModelClient = {
  readonly openai: OpenAI;
  /** Whether it takes OpenRouter's own fields. Nobody else is sent them. */
  readonly openRouter: boolean;
  readonly forms: FormMemory;
  readonly onExchange: OnExchange;
};

export type CallDeps = {
  readonly client: ModelClient;
  /** Milliseconds for one answer. */
  readonly timeoutMs: number;
  /** Fires when no answer can be waited for any longer: what is not there by then has timed out. */
  readonly limit?: AbortSignal;
  readonly settings: {
    /** Tokens of one answer at most. */
    readonly maxOutputTokens: number;
  };
  /** The gate before a model, where others may be asking it too. */
  readonly gateOf?: (model: string) => Gate;
  readonly prices: Prices;
  readonly metrics: ModelMetrics;
  readonly log: Logger;
  /** Told of each call that has ended. */
  readonly onCall?: (ended: EndedCall) => void;
};

/** A call that has ended. `tookMs`: from its first word out, a wait at its gate and other forms included. */
export type EndedCall = {
  readonly model: string;
  readonly tookMs: number;
  /** stopped: who asked was told to stop meanwhile. */
  readonly result: 'answer' | 'stopped' | NoAnswerWhy;
};

export type Call = {
  readonly result:
    | { readonly kind: 'said'; readonly content: string }
    /** `said`: what came all the same, such as the beginning of an answer that was cut. */
    | { readonly kind: 'none'; readonly why: NoAnswerWhy; readonly filtered: boolean; readonly said: string };
  readonly form: AnswerForm;
  readonly usage: Usage;
  /** Where the cost comes from; null where it is unknown. */
  readonly costFrom: 'answer' | 'prices' | null;
  /** The model that the endpoint named. */
  readonly answeredBy: string | null;
  /** Seconds after which the model may be asked again, where it said so. */
  readonly retryAfterS: number | null;
};

/** OpenRouter: no provider that keeps what it is sent, none that ignores the schema, and the cost in the answer. */
const OPENROUTER_FIELDS = {
  provider: { data_collection: 'deny', require_parameters: true },
  usage: { include: true },
} as const;

type Request = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly schema: Record<string, unknown>;
};

/** Calls a model; where it refuses the form of the question, in the next form. Throws only what `signal` was aborted with. */
export async function callModel(request: Request, deps: CallDeps, signal: AbortSignal): Promise<Call> {
  signal.throwIfAborted();
  const { client, limit } = deps;
  // Covers the whole of the call, a body that trickles in too. The client's own limit of ten minutes is never reached.
  using ending = timeLimit(deps.timeoutMs, limit === undefined ? [signal] : [signal, limit]);
  // What a shut gate holds back, or comes too late, is not sent: no call, and nothing can be charged.
  let sent = 0;
  const sending = (): void => void (sent += ending.signal.aborted ? 0 : 1);
  const refused = new Set<string>();
  const began = performance.now();
  let form = client.forms.of(request.model);
  for (;;) {
    try {
      const call = await inModelSpan(request.model, client.openai.baseURL, async () =>
        readReply(
          await post(request, form, deps, { ending: ending.signal, signal, sending }),
          form,
          request.model,
          deps,
        ),
      );
      if (call.result.kind === 'said') client.forms.keep(request.model, form);
      observe(call, request.model, refused.size, began, deps);
      return withCalls(call, sent);
    } catch (thrown) {
      // What went out by then may be billed, and is not left unmentioned.
      if (signal.aborted && sent > 0) {
        deps.onCall?.({ model: request.model, tookMs: performance.now() - began, result: 'stopped' });
      }
      // Whoever told us to stop is told that it was stopped; everything else came from the other side.
      signal.throwIfAborted();
      const late = ending.signal.aborted;
      refused.add(formName(form));
      const next = late ? null : nextForm(form, thrown, refused);
      if (next !== null) {
        deps.log.info(
          { model: request.model, refused: formName(form), next: formName(next) },
          'model asked in another form',
        );
        form = next;
        continue;
      }
      const call = failed(thrown, { late, sent: sent > 0 }, form, request.model, deps);
      // What was not sent is counted, and is no call.
      observe(call, request.model, refused.size - 1, began, sent > 0 ? deps : { metrics: deps.metrics });
      return withCalls(call, sent);
    }
  }
}

type Sending = {
  /** Ends the request. */
  readonly ending: AbortSignal;
  /** Says that its caller gave it up. */
  readonly signal: AbortSignal;
  /** Told as it goes out. */
  sending(): void;
};

/** Sends one request, through the gate. Throws what the client threw, and `rate_limited` for a 429 or a gate that is shut. */
async function post(
  request: Request,
  form: AnswerForm,
  deps: CallDeps,
  { ending, signal, sending }: Sending,
): Promise<Reply> {
  const { model, messages, schema } = request;
  const { openai, openRouter } = deps.client;
  const send = async (): Promise<Reply> => {
    const told = exchangeTeller(deps.client.onExchange, signal);
    sending();
    try {
      const answer: unknown = await openai.chat.completions.create(
        {
          model,
          messages: formMessages(form.format, messages, schema).map(({ role, content }) => ({ role, content })),
          ...formFields(form, schema, deps.settings.maxOutputTokens),
          ...(openRouter ? OPENROUTER_FIELDS : {}),
        },
        { signal: ending },
      );
      const reply = Completion.safeParse(answer);
      told(200, reply.success);
      return reply;
    } catch (thrown) {
      const status = statusOf(thrown);
      told(status, status !== null && FORM_REFUSED.has(status));
      if (!(thrown instanceof APIError) || thrown.status !== 429) throw thrown;
      const pause = thrown.headers === undefined ? undefined : retryAfterS(thrown.headers);
      throw new UpstreamError('rate_limited', 'model', 'The model asks for fewer requests.', {
        cause: thrown,
        ...(pause === undefined ? {} : { retryAfterS: pause }),
      });
    }
  };
  return deps.gateOf === undefined ? send() : deps.gateOf(model).pass(send);
}

/** More than any call has or costs. A figure beyond it is nonsense, and sums of such leave what can be counted in whole numbers. */
const MOST_TOKENS = 1e9;
const MOST_USD = 1e6;
const Tokens = z.object({
  prompt_tokens: z.int().nonnegative().max(MOST_TOKENS),
  completion_tokens: z.int().nonnegative().max(MOST_TOKENS),
  cost: z.number().nonnegative().max(MOST_USD).nullish().catch(null),
});
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

/** A reply that looks like a completion, or does not. */
type Reply = z.ZodSafeParseResult<z.output<typeof Completion>>;

function readReply(reply: Reply, form: AnswerForm, model: string, deps: CallDeps): Call {
  const tokens = reply.data?.usage ?? null;
  return {
    result: reply.success ? resultOf(reply.data) : NOTHING,
    form,
    ...usageOf(tokens, priceOf(model, deps.prices), deps.client.openRouter),
    answeredBy: printable((reply.data?.model ?? '').toWellFormed(), 200) || null,
    retryAfterS: null,
  };
}

const NOTHING = { kind: 'none', why: 'unavailable', filtered: false, said: '' } as const satisfies Call['result'];

function resultOf({ choices }: z.infer<typeof Completion>): Call['result'] {
  const [choice] = choices;
  if (choice === undefined) return NOTHING;
  const { content, refusal } = choice.message;
  const said = `${content ?? ''}${refusal ?? ''}`;
  if (choice.finish_reason === 'content_filter') return { kind: 'none', why: 'refusal', filtered: true, said };
  if ((refusal ?? '') !== '') return { kind: 'none', why: 'refusal', filtered: false, said };
  if (choice.finish_reason === 'length') return { kind: 'none', why: 'truncated', filtered: false, said };
  return { kind: 'said', content: content ?? '' };
}

function usageOf(
  tokens: Tokens | null,
  price: Prices[string] | undefined,
  openRouter: boolean,
): Pick<Call, 'usage' | 'costFrom'> {
  const input = tokens?.prompt_tokens ?? 0;
  const output = tokens?.completion_tokens ?? 0;
  const said = openRouter ? (tokens?.cost ?? null) : null;
  const reckoned =
    tokens === null || price === undefined
      ? null
      : (input * price.input_usd_per_million + output * price.output_usd_per_million) / 1e6;
  return {
    usage: { calls: 1, input_tokens: input, output_tokens: output, cost_usd: said ?? reckoned },
    costFrom: said === null ? (reckoned === null ? null : 'prices') : 'answer',
  };
}

function failed(
  thrown: unknown,
  { late, sent }: { readonly late: boolean; readonly sent: boolean },
  form: AnswerForm,
  model: string,
  deps: CallDeps,
): Call {
  const why = late ? 'timeout' : faultOf(thrown);
  deps.log.warn({ model, why, ...detailsOf(thrown) }, 'model did not answer');
  const cost = priceOf(model, deps.prices) !== undefined && (!sent || wasTurnedAway(thrown, why)) ? 0 : null;
  return {
    result: { kind: 'none', why, filtered: false, said: '' },
    form,
    usage: { calls: 1, input_tokens: 0, output_tokens: 0, cost_usd: cost },
    costFrom: cost === null ? null : 'prices',
    answeredBy: null,
    retryAfterS: why === 'rate_limited' && thrown instanceof QuorumError ? (thrown.retryAfterS ?? null) : null,
  };
}

/** Calls that were refused for their form are calls too; they cost nothing. */
function withCalls(call: Call, calls: number): Call {
  return { ...call, usage: { ...call.usage, calls } };
}

function observe(
  { result, usage }: Call,
  model: string,
  refused: number,
  began: number,
  { metrics, onCall }: Pick<CallDeps, 'metrics' | 'onCall'>,
): void {
  const label = result.kind === 'none' ? result.why : 'answer';
  const tookMs = performance.now() - began;
  metrics.calls.inc({ result: label });
  if (refused > 0) metrics.calls.inc({ result: 'form_refused' }, refused);
  metrics.latency.observe({ result: label }, tookMs / 1_000);
  metrics.tokens.inc({ direction: 'input' }, usage.input_tokens);
  metrics.tokens.inc({ direction: 'output' }, usage.output_tokens);
  onCall?.({ model, tookMs, result: label });
}
