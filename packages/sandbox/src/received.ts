/** The log of what hub, sequencer and model were asked and what they answered, in the order of the requests. */
import type { EndpointName, Handler, Reply } from './http.ts';

export type Exchange = {
  /** From 1, in the order of arrival. */
  readonly seq: number;
  readonly endpoint: EndpointName;
  /** Unix seconds by the sandbox's clock. */
  readonly at: number;
  /** Unix milliseconds by the machine's clock: what lies between two requests. */
  readonly arrived_ms: number;
  readonly method: string;
  readonly url: string;
  readonly body: unknown;
  /** null while it is being worked on; `cut` where the line was dropped. */
  readonly answer: { readonly status: number; readonly body: unknown } | 'cut' | null;
};

export type Received = {
  list(): readonly Exchange[];
  /** Forgets what came so far; the numbers go on. What is being worked on is not there when it ends. */
  clear(): void;
  /** Wraps an endpoint so that each exchange is kept. */
  record(endpoint: EndpointName, handle: Handler): Handler;
  /** Keeps a request that no endpoint got to see, because its body could not be read, and its answer. */
  unread(asked: Unread, answer: Reply): void;
};

/** `body`: the text as far as it is known. */
type Unread = { readonly endpoint: EndpointName; readonly method: string; readonly url: string; readonly body: string };

export function createReceived(now: () => number): Received {
  let exchanges: Exchange[] = [];
  let seq = 0;
  return {
    list: () => [...exchanges],
    clear: () => {
      exchanges = [];
    },
    record: (endpoint, handle) => async (request) => {
      const { method, url, body } = request;
      // Those of its own time: they may be forgotten before it is answered.
      const list = exchanges;
      const at = list.length;
      seq += 1;
      const open: Exchange = {
        seq,
        endpoint,
        at: now(),
        arrived_ms: Date.now(),
        method,
        url,
        body,
        answer: null,
      };
      list.push(open);
      const answer = await handle(request);
      list[at] = { ...open, answer: answer.kind === 'cut' ? 'cut' : { status: answer.status, body: answer.body } };
      return answer;
    },
    unread: (asked, { status, body }) => {
      seq += 1;
      exchanges.push({
        seq,
        ...asked,
        at: now(),
        arrived_ms: Date.now(),
        answer: { status, body },
      });
    },
  };
}
