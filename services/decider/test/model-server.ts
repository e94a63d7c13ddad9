/**
 * A model endpoint for tests, on loopback: speaks OpenAI's format over real HTTP, answers as a test tells it to, and shows what it
 * was asked.
 */
import { createServer, type ServerResponse } from 'node:http';
import { urlOf } from '@quorum/shared/probe';
import { z } from 'zod';
import { writeOn } from '../../../packages/snapshot/test/play-back.ts';

const NO_SCHEMA = { name: '', strict: false, schema: {} };
const Request = z.object({
  model: z.string(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })),
  response_format: z
    .object({
      type: z.string(),
      json_schema: z
        .object({ name: z.string(), strict: z.boolean(), schema: z.record(z.string(), z.unknown()) })
        .default(NO_SCHEMA),
    })
    .default({ type: 'none', json_schema: NO_SCHEMA }),
});
export type ModelRequest = z.infer<typeof Request> & {
  /** All that was sent. */
  readonly body: Readonly<Record<string, unknown>>;
};

export type Reply =
  | {
      readonly kind: 'says';
      readonly content: string;
      readonly finishReason?: string;
      /** Beside the tokens. */
      readonly usage?: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'refuses' }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body: string | Uint8Array;
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Sends the headers and then nothing more. */
  | { readonly kind: 'trickles' }
  /** Goes on for as long as somebody reads. */
  | { readonly kind: 'never ends' }
  | { readonly kind: 'silent' }
  | { readonly kind: 'cuts' };

export type ModelServer = {
  /** For OPENAI_BASE_URL. */
  readonly url: string;
  readonly requests: readonly ModelRequest[];
  /** The answers from now on. `nth` counts the requests of this server from 0. */
  behave(reply: (request: ModelRequest, nth: number) => Reply): void;
  close(): Promise<void>;
};

export async function startModelServer(): Promise<ModelServer> {
  const requests: ModelRequest[] = [];
  let behaviour = (_request: ModelRequest, _nth: number): Reply => ({ kind: 'status', status: 500, body: '{}' });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = z.record(z.string(), z.unknown()).parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      const asked = { ...Request.parse(body), body };
      requests.push(asked);
      send(response, asked, behaviour(asked, requests.length - 1));
    });
  });
  // Who keeps a line open closes it: a line that is closed at the moment at which it is used again loses a request.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${urlOf(server.address(), '127.0.0.1')}/v1`,
    requests,
    behave: (reply) => void (behaviour = reply),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, asked: ModelRequest, reply: Reply): void {
  const completion = (message: object, finishReason: string, usage: object = {}): void => {
    const body = {
      id: 'chatcmpl-test',
      object: 'chat.completion',
      model: `${asked.model}-2026`,
      choices: [{ index: 0, finish_reason: finishReason, message: { role: 'assistant', ...message } }],
      usage: { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100, ...usage },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  switch (reply.kind) {
    case 'says':
      return completion({ content: reply.content, refusal: null }, reply.finishReason ?? 'stop', reply.usage);
    case 'refuses':
      return completion({ content: null, refusal: 'I will not.' }, 'stop');
    case 'status':
      response
        .writeHead(reply.status, { 'content-type': reply.contentType ?? 'application/json', ...reply.headers })
        .end(reply.body);
      return;
    case 'trickles':
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":');
      return;
    case 'never ends':
      writeOn(response.writeHead(200, { 'content-type': 'application/json' }));
      return;
    case 'cuts':
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices":', () => response.destroy());
      return;
    case 'silent':
  }
}

/** The keys that the message lists, for a request without a schema. */
export function listedKeys({ messages }: ModelRequest): string[] {
  const lines = (messages.at(-1)?.content ?? '').split('\n');
  return lines.slice(lines.lastIndexOf('Choices') + 1, -1);
}

/** The keys that the request allows for a choice, for example `A: For`. */
export function keysOf(request: ModelRequest): string[] {
  return z
    .object({ properties: z.object({ choice: z.object({ enum: z.array(z.string()) }) }) })
    .parse(request.response_format.json_schema.schema).properties.choice.enum;
}

/** A well-formed answer of a single choice, by its label. */
export function vote(request: ModelRequest, label: string, more: Record<string, unknown> = {}): Reply {
  const choice = keysOf(request).find((key) => key.endsWith(`: ${label}`));
  return { kind: 'says', content: JSON.stringify({ ...REASONS, choice, ...more }) };
}

export const REASONS = {
  rationale: 'It keeps the runway. The cost is small.',
  factors_for: ['cheap'],
  factors_against: ['late'],
  unknowns: ['who pays'],
  confidence: 0.9,
  risk_ground: 'A bench can be painted again.',
  risk_level: 'low',
  stakes: 'low',
} as const;
