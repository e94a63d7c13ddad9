/**
 * Step 3: asking. A question goes to its model; a reply that cannot be used is asked for once more, with what was wrong; and what a
 * model does not answer is asked of the fallback models, in order. Whatever the endpoint does becomes a value: an answer, or one of
 * the reasons why there is none. Only being told to stop is thrown.
 *
 *   200, a reply that fits            → answer
 *   200, a reply that does not fit    → asked once more, with what was wrong; then `invalid`
 *   200, refused                      → asked once more; then `refusal`; filtered by the endpoint → `refusal` at once
 *   200, cut at the length limit      → asked once more, to be brief; then `truncated`
 *   429, or its gate is shut          → `rate_limited`, at once
 *   no answer in time                 → `timeout`
 *   anything else                     → `unavailable`
 *   and with none of these an answer  → the next fallback model; with none left, no answer
 */
import { addUsage, NoAnswerWhy, type Sample, type Usage } from '@quorum/shared/decision';
import type { OnExchange } from '@quorum/snapshot/exchange';
import { lightFetch } from '@quorum/snapshot/light-fetch';
import OpenAI from 'openai';
import { z } from 'zod';
import { ANSWER_FORMATS, createFormMemory } from './answer-form.ts';
import type { Message } from './fence.ts';
import { callModel, type Call, type CallDeps, type ModelClient } from './model-call.ts';
import type { Answer, Reading } from './schema.ts';

/** One question to one model. `T`: what its answer is read as. */
export type Question<T = Answer> = {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly schema: Record<string, unknown>;
  /** Reads the reply; see `readAnswer`. */
  read(reply: string): Reading<T>;
};

/** One call that was made for a question: to whom, in which form, and what came of it. For the evidence. */
export const Try = z.object({
  model: z.string().describe('The model that was asked'),
  form: z.enum(ANSWER_FORMATS).describe('How it was told the form of the answer'),
  result: z.enum(['answer', ...NoAnswerWhy.options]),
  why: z.string().nullable().describe('What did not fit'),
  answered_by: z.string().nullable().describe('The model that the endpoint named'),
  cost_from: z.enum(['answer', 'prices']).nullable().describe('Where the cost comes from; null where it is unknown'),
});
export type Try = z.infer<typeof Try>;

/** What a model told us, whatever it was asked. */
export type Told<T> = {
  readonly result:
    | { readonly kind: 'answer'; readonly answer: T }
    | { readonly kind: 'none'; readonly why: NoAnswerWhy };
  /** The fallback model that answered. */
  readonly standIn: string | null;
  readonly usage: Usage;
  /** The model that the endpoint named, of the last call. */
  readonly answeredBy: string | null;
  /** Why the reply before the last did not fit, where the last is a second try. */
  readonly repaired: string | null;
  readonly tries: readonly Try[];
  /** Seconds after which it may be asked again; null where nobody said so, or there is an answer. */
  readonly retryAfterS: number | null;
};

/** What came of the question for a ballot. */
export type Asked = Omit<Told<Answer>, 'result' | 'standIn'> & { readonly sample: Sample };

export type AskDeps = CallDeps & {
  readonly settings: {
    /** Models that are asked, in this order, what another does not answer. */
    readonly fallbackModels: readonly string[];
  };
};

/**
 * 200,000 tokens, the most that can be set for one answer, are 0.8 MB of text, or 1.8 MB where all of it is escaped (`\u63d0`); and some
 * endpoints tell what a model thought a second time.
 */
const MAX_ANSWER_BYTES = 4 * 2 ** 20;

/** A client for any endpoint that speaks the OpenAI API. Retries are the job's: two layers of them would multiply. */
export function createModelClient(options: {
  baseUrl: string;
  apiKey: string;
  /** Whose fields beyond OpenAI's it takes; `auto` goes by the host. */
  extras?: 'auto' | 'openrouter' | 'none';
  /** Told of each request that has ended. */
  onExchange?: OnExchange;
}): ModelClient {
  const { baseUrl, apiKey, extras = 'auto', onExchange = () => undefined } = options;
  const openai = new OpenAI({
    baseURL: baseUrl,
    apiKey,
    maxRetries: 0,
    // What the library would take from the environment by itself.
    organization: null,
    project: null,
    adminAPIKey: null,
    webhookSecret: null,
    // Its own logger writes to the console.
    logLevel: 'off',
    fetch: lightFetch(MAX_ANSWER_BYTES),
    // A redirect would carry the question, and perhaps the key, to somewhere that nobody configured.
    fetchOptions: { redirect: 'error' },
  });
  const openRouter = extras === 'openrouter' || (extras === 'auto' && isOpenRouter(baseUrl));
  return { openai, openRouter, forms: createFormMemory(), onExchange };
}

function isOpenRouter(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'openrouter.ai' || hostname.endsWith('.openrouter.ai');
}

/** Asks a model how to vote: `put`, as a sample of the decision. Throws only what `signal` was aborted with. */
export async function ask(question: Question, deps: AskDeps, signal: AbortSignal): Promise<Asked> {
  const { result, standIn, ...rest } = await put(question, deps, signal);
  const { model } = question;
  const sample: Sample =
    result.kind === 'answer'
      ? { kind: 'answer', model, ...(standIn === null ? {} : { stand_in: standIn }), ...result.answer }
      : { kind: 'no_answer', model, why: result.why };
  return { sample, ...rest };
}

/** Asks for anything that has a schema and a reader. Throws only what `signal` was aborted with. */
export async function put<T>(question: Question<T>, deps: AskDeps, signal: AbortSignal): Promise<Told<T>> {
  const others = deps.settings.fallbackModels.filter((name) => name !== question.model);
  const rounds: Round<T>[] = [];
  for (const model of [question.model, ...others]) {
    rounds.push(await askOne({ ...question, model }, deps, signal));
    if (rounds.at(-1)?.result.kind === 'answer' || deps.limit?.aborted === true) break;
  }
  const [first] = rounds;
  const last = rounds.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('A question has a model');
  const calls = rounds.flatMap((round) => round.calls);
  const common = {
    usage: addUsage(calls.map(({ usage }) => usage)),
    answeredBy: last.calls.at(-1)?.answeredBy ?? null,
    repaired: last.repaired,
    tries: rounds.flatMap((round) => round.tries),
  };
  if (last.result.kind === 'answer') {
    const standIn = last.model === question.model ? null : last.model;
    if (standIn !== null) deps.metrics.standIns.inc();
    return { ...common, result: last.result, standIn, retryAfterS: null };
  }
  // What time may mend is the reason that counts: another attempt may bring an answer.
  const whys = rounds.flatMap(({ result }) => (result.kind === 'none' ? [result.why] : []));
  const pauses = calls.flatMap(({ retryAfterS }) => (retryAfterS === null ? [] : [retryAfterS]));
  return {
    ...common,
    result: { kind: 'none', why: whys.find(isPassing) ?? whys[0] ?? 'unavailable' },
    standIn: null,
    // One of the models is enough.
    retryAfterS: pauses.length === 0 ? null : Math.min(...pauses),
  };
}

/** Answers that are missing. */
export type Missing = {
  readonly whys: readonly NoAnswerWhy[];
  /** Seconds after which asking again makes sense, where a model asked for a pause. */
  readonly retryAfterS: number | null;
};

/** What another attempt may mend: the model was not reached, or not in time. */
export function isPassing(why: NoAnswerWhy): boolean {
  return why === 'unavailable' || why === 'rate_limited' || why === 'timeout';
}

type Round<T> = Pick<Told<T>, 'result' | 'repaired' | 'tries'> & {
  readonly model: string;
  readonly calls: readonly Call[];
};

type Read<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  /** `repair`: what to tell the model; null where asking again is of no use. */
  | { readonly kind: 'none'; readonly why: NoAnswerWhy; readonly repair: string | null };

/** Asks one model, and once more if the reply cannot be used. */
async function askOne<T>(question: Question<T>, deps: AskDeps, signal: AbortSignal): Promise<Round<T>> {
  const { model, messages } = question;
  const call = await callModel(question, deps, signal);
  const read = readCall(call, question);
  const tries = [tryOf(model, call, read)];
  if (read.kind === 'answer' || read.repair === null || deps.limit?.aborted === true) {
    return { model, result: read, repaired: null, tries, calls: [call] };
  }
  const again = await callModel({ ...question, messages: withRepair(messages, read.repair) }, deps, signal);
  const reread = readCall(again, question);
  return {
    model,
    result: reread,
    repaired: read.repair,
    tries: [...tries, tryOf(model, again, reread)],
    calls: [call, again],
  };
}

function readCall<T>({ result }: Call, question: Question<T>): Read<T> {
  if (result.kind === 'said') {
    const reading = result.content.trim() === '' ? EMPTY : question.read(result.content);
    return reading.kind === 'answer' ? reading : { kind: 'none', why: 'invalid', repair: reading.why };
  }
  const { why, filtered, said } = result;
  // Never an answer, but read: it may give away what a model was brought to repeat.
  if (said !== '') question.read(said);
  if (why === 'truncated') return { kind: 'none', why, repair: 'it was cut off at its length limit; be brief' };
  if (why === 'refusal' && !filtered) return { kind: 'none', why, repair: 'it was no answer, but a refusal' };
  return { kind: 'none', why, repair: null };
}

const EMPTY = { kind: 'invalid', why: 'it is empty' } as const;

/** The note goes to the system message: there stays one of each, and the failed reply, which strangers may have shaped, is not read again. */
export function withRepair(messages: readonly Message[], why: string): Message[] {
  return messages.map((message) =>
    message.role === 'system'
      ? {
          role: message.role,
          content: `${message.content}\n\nYour last reply could not be used: ${why}. Answer again, with one JSON object that fits the schema and nothing else.`,
        }
      : message,
  );
}

function tryOf<T>(model: string, call: Call, read: Read<T>): Try {
  return {
    model,
    form: call.form.format,
    result: read.kind === 'answer' ? 'answer' : read.why,
    why: read.kind === 'none' ? read.repair : null,
    answered_by: call.answeredBy,
    cost_from: call.costFrom,
  };
}
