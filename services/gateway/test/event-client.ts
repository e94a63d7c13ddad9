/** A client of `GET /agent-run/:id/events` on a connection of its own, as a program would be one. */
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { expect } from 'vitest';
import { z } from 'zod';
import { PATIENT } from '../../../test/patience.ts';
import type { Gateway } from './stand.ts';

const Data = z.looseObject({ run_id: z.string() });

export type Received = {
  readonly id: string | null;
  readonly event: string;
  readonly data: z.infer<typeof Data>;
};

export type EventClient = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** What came so far. */
  readonly received: () => readonly Received[];
  readonly kinds: () => readonly string[];
  /** Everything as it came, comments too. */
  readonly text: () => string;
  readonly isOver: () => boolean;
  /** Waits until this many events have come. */
  readonly has: (count: number) => Promise<void>;
  readonly over: () => Promise<void>;
  readonly close: () => void;
};

/** Watches a run, from after the event of `lastId`. Resolves once the head of the answer has come. */
export async function watchRun(
  gateway: Pick<Gateway, 'url'>,
  runId: string,
  { lastId, headers = {} }: { lastId?: string | null; headers?: Record<string, string> } = {},
): Promise<EventClient> {
  const resumed = lastId === undefined || lastId === null ? {} : { 'last-event-id': lastId };
  const { sent, response } = await open(`${gateway.url}/agent-run/${runId}/events`, { ...resumed, ...headers });
  let text = '';
  let isOver = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => (text += chunk));
  response.on('error', () => undefined);
  response.on('close', () => (isOver = true));
  const received = (): Received[] => parse(text);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    received,
    kinds: () => received().map(({ event }) => event),
    text: () => text,
    isOver: () => isOver,
    has: (count) => expect.poll(() => received().length, PATIENT).toBeGreaterThanOrEqual(count),
    over: () => expect.poll(() => isOver, PATIENT).toBe(true),
    close: () => sent.destroy(),
  };
}

function open(
  url: string,
  headers: Record<string, string>,
): Promise<{ readonly sent: ClientRequest; readonly response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: false }, (response) => resolve({ sent, response }));
    sent.on('error', reject);
    sent.end();
  });
}

/** The whole events of a stream; what has not come whole yet is none. */
function parse(text: string): Received[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const fields = new Map(block.split('\n').map((line): [string, string] => [line.split(': ', 1)[0] ?? '', line]));
    const value = (name: string): string | undefined => fields.get(name)?.slice(name.length + 2);
    const [event, data] = [value('event'), value('data')];
    if (event === undefined || data === undefined) return [];
    return [{ id: value('id') ?? null, event, data: Data.parse(JSON.parse(data)) }];
  });
}
