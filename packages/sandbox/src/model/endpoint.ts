/** `/v1/chat/completions` and `/v1/models`, in OpenAI's shapes. The models are personas; see `personas.ts`. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { pause, reply, type Answer, type Handler } from '../http.ts';
import { ChatRequest, readAsked, type Asked } from './asked.ts';
import { complete, isPersona, PERSONAS, type Completion, type ModelSettings } from './personas.ts';

/** Near enough for a budget to have something to count. */
const CHARS_A_TOKEN = 4;

export function createModel(settings: ModelSettings, clock: Clock, closing: AbortSignal): Handler {
  return async (request) => {
    if (request.method === 'GET') return listed(request.url, clock.now());
    const parsed = ChatRequest.safeParse(request.body);
    if (!parsed.success) return failed(400, parsed.error.issues[0]?.message ?? 'invalid request', null, null);
    const { model, stream, n } = parsed.data;
    if (stream === true) return failed(400, 'The sandbox does not stream.', 'stream', null);
    if (n !== undefined && n !== null && n !== 1) return failed(400, 'The sandbox answers one choice.', 'n', null);
    if (!isPersona(model)) return unknownModel(model);

    const asked = readAsked(parsed.data);
    const completion = complete(model, asked, settings);
    if (completion.kind === 'error') return failed(completion.status, completion.message, null, null);
    if (completion.kind === 'content' && completion.delayMs > 0) await pause(completion.delayMs, closing);
    const limit = parsed.data.max_completion_tokens ?? parsed.data.max_tokens ?? Infinity;
    return reply(200, chatCompletion(model, clock.now(), asked, withinLimit(completion, limit)));
  };
}

function failed(status: number, message: string, param: string | null, code: string | null): Answer {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return reply(status, { error: { message, type, param, code } });
}

/** `/v1/models`, or one of them by its name. */
function listed(url: string, created: number): Answer {
  const name = new URL(url, 'http://sandbox').pathname.split('/')[3];
  const data = Object.entries(PERSONAS).map(([id, { does }]) => ({
    id,
    object: 'model',
    created,
    owned_by: 'quorum-sandbox-stand-in',
    description: `A stand-in that decides nothing of worth. ${does}`,
  }));
  if (name === undefined) return reply(200, { object: 'list', data });
  const one = data.find(({ id }) => id === name);
  return one ? reply(200, one) : unknownModel(name);
}

function unknownModel(name: string): Answer {
  return failed(404, `The model '${name}' does not exist`, 'model', 'model_not_found');
}

type Said = Exclude<Completion, { kind: 'error' }>;

/** Cuts what is longer than the request allows. */
function withinLimit(said: Said, limit: number): Said {
  if (said.kind !== 'content' || tokens(said.content) <= limit) return said;
  return { ...said, content: said.content.slice(0, limit * CHARS_A_TOKEN), cut: true };
}

function chatCompletion(model: string, created: number, asked: Asked, said: Said): unknown {
  const content = said.kind === 'content' ? said.content : null;
  const refusal = said.kind === 'refusal' ? said.refusal : null;
  const finish_reason = said.kind === 'content' && said.cut ? 'length' : 'stop';
  const prompt_tokens = tokens(asked.prompt);
  const completion_tokens = tokens(content ?? refusal ?? '');
  return {
    id: `chatcmpl-${createHash('sha256').update(`${model}\n${asked.prompt}`).digest('hex').slice(0, 24)}`,
    object: 'chat.completion',
    created,
    model,
    system_fingerprint: 'quorum-sandbox-stand-in',
    choices: [{ index: 0, message: { role: 'assistant', content, refusal }, logprobs: null, finish_reason }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

function tokens(text: string): number {
  return Math.ceil(text.length / CHARS_A_TOKEN);
}
