/** What the gateway's tests stand on: a gateway on a free port, a plain HTTP client, and a line to Redis that can be broken. */
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { createLogger } from '@quorum/shared/log';
import { liveConfig } from '@quorum/shared/live-config';
import { GatewayConfig } from '../src/config.ts';
import { startGateway } from '../src/gateway.ts';
import { UNLIMITED } from '../../../test/unlimited.ts';

export const log = createLogger('gateway-test', 'silent');

const SANDBOX = {
  SNAPSHOT_HUB_URL: 'http://127.0.0.1:4010/graphql',
  SNAPSHOT_SEQUENCER_URL: 'http://127.0.0.1:4010/',
  OPENAI_BASE_URL: 'http://127.0.0.1:4010/v1',
};

export type Gateway = { readonly url: string; stop(): Promise<void> };

/**
 * A gateway on this Redis that takes requests without a key, as many as come, and has time to answer on a busy machine, unless
 * `env` says otherwise.
 * @param file a settings file, which counts for what `env` leaves out.
 */
export async function openGateway(
  redisUrl: string,
  env: Record<string, string> = {},
  file: string | null = null,
): Promise<Gateway> {
  const closers: (() => Promise<void>)[] = [];
  const usual = { REDIS_URL: redisUrl, PORT: '0', ALLOW_ANONYMOUS: '1', ENQUEUE_TIMEOUT_MS: '10000', ...SANDBOX };
  const limits = file === null ? UNLIMITED : {};
  const config = liveConfig('gateway', GatewayConfig, { env: { ...usual, ...limits, ...env }, file });
  const { url } = await startGateway(config, log, { add: (_name, close) => closers.push(close) });
  return {
    url,
    async stop() {
      for (const close of closers.toReversed()) await close();
    },
  };
}

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: unknown;
  readonly tookMs: number;
};

export type Ask = { method?: string; headers?: Record<string, string>; body?: string };

/** One request on a connection of its own; headers as given, Host included. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(url, { method, headers: { ...length, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson = text !== '' && /[/+]json/.test(response.headers['content-type'] ?? '');
        const json: unknown = isJson ? JSON.parse(text) : undefined;
        const tookMs = performance.now() - began;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json, tookMs });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Asks for a run. */
export function postRun(gateway: Gateway, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(`${gateway.url}/agent-run`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export type Line = {
  readonly url: string;
  /** Cuts the line when bytes to Redis hold this text: before they arrive, or before their answer does. null: never. */
  cutAt(text: string | null, before?: 'they arrive' | 'their answer'): void;
  /** Holds back everything in both directions, as a host that froze would. */
  freeze(frozen: boolean): void;
  close(): Promise<void>;
};

/** A TCP line to this Redis. */
export async function openLine(redisUrl: string): Promise<Line> {
  const { hostname, port } = new URL(redisUrl);
  const sockets = new Set<Socket>();
  let marker: string | null = null;
  let cutsAnswer = false;
  let isFrozen = false;
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    const both = [near, far];
    let isAnswerCut = false;
    for (const socket of both) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        for (const other of both) other.destroy();
      });
      if (isFrozen) socket.pause();
    }
    near.on('data', (chunk) => {
      const isMarked = marker !== null && chunk.includes(marker);
      isAnswerCut ||= isMarked && cutsAnswer;
      if (isMarked && !cutsAnswer) near.destroy();
      else far.write(chunk);
    });
    far.on('data', (chunk) => {
      if (isAnswerCut) near.destroy();
      else near.write(chunk);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The line has no address');
  const near = new URL(redisUrl);
  near.port = String(address.port);
  return {
    url: near.toString(),
    cutAt(text, before = 'they arrive') {
      marker = text;
      cutsAnswer = before === 'their answer';
    },
    freeze(frozen) {
      isFrozen = frozen;
      for (const socket of sockets) {
        if (frozen) socket.pause();
        else socket.resume();
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
