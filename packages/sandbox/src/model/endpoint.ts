/** `/v1/chat/completions` and `/v1/models`, in OpenAI's shapes. The models are personas; see `personas.ts`. */
import { createHash } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { pause, reply, type Answer, type Handler } from '../http.ts';
import { ChatRequest, readAsked, type Asked } from './asked.ts';
import { complete, isPersona, PERSONAS, type Completion, type ModelSettings } from './personas.ts';

export function createModel(settings: ModelSettings, clock: Clock, closing: AbortSignal): Handler {
  return async (request) => {
    if (request.method === 'GET') return reply(200, models(clock.now()));
    const parsed = ChatRequest.safeParse(request.body);
    if (!parsed.success) return failed(400, parsed.error.issues[0]?.message ?? 'invalid request', null, null);
    const { model, stream, n } = parsed.data;
    if (stream === true) return failed(400, 'The sandbox does not stream.', 'stream', null);
    if (n !== undefined && n !== null && n !== 1) return failed(400, 'The sandbox answers one choice.', 'n', null);
    if (!isPersona(model)) return failed(404, `The model '${model}' does not exist`, 'model', 'model_not_found');

    const asked = readAsked(parsed.data);
    const completion = complete(model, asked, settings);
    if (completion.kind === 'error') return failed(completion.status, completion.message, null, null);
    if (completion.kind === 'content' && completion.delayMs > 0) await pause(completion.delayMs, closing);
    return reply(200, chatCompletion(model, clock.now(), asked, completion));
  };
}

function failed(status: number, message: string, param: string | null, code: string | null): Answer {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return reply(status, { error: { message, type, param, code } });
}

function models(created: number): unknown {
  const data = Object.entries(PERSONAS).map(([id, { does }]) => ({
    id,
    object: 'model',
    created,
    owned_by: 'quorum-sandbox',
    description: `A stand-in that decides nothing of worth. ${does}`,
  }));
  return { object: 'list', data };
}

function chatCompletion(
  model: string,
  created: number,
  asked: Asked,
  said: Exclude<Completion, { kind: 'error' }>,
): unknown {
  const content = said.kind === 'content' ? said.content : null;
  const refusal = said.kind === 'refusal' ? said.refusal : null;
  const prompt_tokens = tokens(asked.prompt);
  const completion_tokens = tokens(content ?? refusal ?? '');
  return {
    id: `chatcmpl-${createHash('sha256').update(`${model}\n${asked.prompt}`).digest('hex').slice(0, 24)}`,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content, refusal }, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

/** Four characters a token: near enough for a budget to have something to count. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
