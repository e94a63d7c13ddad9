/** Sends generated requests to a gateway and holds every answer against `openapi.json`. */
import { request as send } from 'node:http';
import fc from 'fast-check';
import { expect } from 'vitest';
import { faultsOf, type Described } from './described.ts';
import { requestsOf, type Known, type Made } from './requests.ts';

export type Target = {
  readonly url: string;
  /** What is there now: some of it is used up, or is good for a minute. */
  readonly known: () => Promise<Known>;
  /** Whose keys the requests carry; undefined: none. */
  readonly keys: readonly (string | undefined)[];
};

type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

/** What was answered. */
export type Seen = {
  /** How often each status was. */
  readonly statuses: Map<number, number>;
  /** Whether any of it was no problem. */
  hasSucceeded: boolean;
};

/** It proves little of an operation that it has only ever refused; nearly each request that fits is enough for one that has not. */
const ROUNDS = 20;

/**
 * Asks an operation this often, and on until it has succeeded once. Throws at the first answer that is not as described, with the
 * request made as short as may be.
 */
export async function checkOperation(operation: Described, target: Target, times: number): Promise<Seen> {
  const seen: Seen = { statuses: new Map(), hasSucceeded: false };
  for (let round = 0; round === 0 || (round < ROUNDS && !seen.hasSucceeded); round += 1) {
    await askOften(operation, target, { times, round }, seen);
  }
  return seen;
}

type Asking = { readonly times: number; readonly round: number };

async function askOften(operation: Described, target: Target, { times, round }: Asking, seen: Seen): Promise<void> {
  // Each round draws on from the seed of the run, or it would ask the same again.
  const { seed } = fc.readConfigureGlobal();
  const requests = fc.tuple(requestsOf(operation, await target.known()), fc.constantFrom(...target.keys));
  await fc.assert(
    fc.asyncProperty(requests, async ([made, key]) => {
      const answer = await answerTo(operation, made, key, target.url);
      seen.statuses.set(answer.status, (seen.statuses.get(answer.status) ?? 0) + 1);
      seen.hasSucceeded ||= typeOf(answer) !== 'application/problem+json';
      expect(faultsIn(operation, made, answer)).toEqual([]);
    }),
    { numRuns: times, ...(seed === undefined ? {} : { seed: (seed + round) | 0 }) },
  );
}

/** What is wrong with an answer; empty: it is as described. */
function faultsIn(operation: Described, made: Made, answer: Answer): string[] {
  const { status, headers, text } = answer;
  const answered = operation.responses.get(String(status));
  if (answered === undefined) return [`${status} is not described: ${text}`];
  const faults: string[] = [];
  if (status === 500) faults.push(`a fault of ours: ${text}`);
  if (made.isBad && status < 400) faults.push(`${status} to what is to be refused`);
  const requestId = headers['x-request-id'];
  if (typeof requestId !== 'string') faults.push('it has no name');
  if (status < 400) {
    const missing = Object.keys(answered.response.headers ?? {}).filter((name) => !(name.toLowerCase() in headers));
    faults.push(...missing.map((name) => `${name} is missing`));
  }
  const { content } = answered.response;
  const type = typeOf(answer);
  if (content === undefined) return text === '' ? faults : [...faults, `a body where none is described: ${text}`];
  if (!(type in content)) return [...faults, `${status} as '${type}' is not described`];
  if (!/[/+]json$/.test(type)) return faults;
  const body: unknown = JSON.parse(text);
  return [...faults, ...faultsOf(answered, type, body).map((fault) => `${status}: ${fault} in ${text}`)];
}

function typeOf({ headers }: Answer): string {
  return String(headers['content-type'] ?? '').split(';')[0] ?? '';
}

function answerTo({ method }: Described, made: Made, key: string | undefined, url: string): Promise<Answer> {
  const { port } = new URL(url);
  const headers = {
    'content-type': 'application/json',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(made.body === undefined ? {} : { 'content-length': Buffer.byteLength(made.body) }),
    ...made.headers,
  };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path: made.path, headers, agent: false };
    const sent = send(options, (response) => {
      const { statusCode: status = 0, headers: got } = response;
      const chunks: Buffer[] = [];
      const end = (): void => resolve({ status, headers: got, text: Buffer.concat(chunks).toString('utf8') });
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', end);
      response.on('error', reject);
      // A run that goes on has no last event.
      if (got['content-type']?.startsWith('text/event-stream') === true) {
        end();
        response.destroy();
      }
    });
    sent.on('error', reject);
    sent.end(made.body);
  });
}
