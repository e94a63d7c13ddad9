/**
 * Snapshot's sequencer, which takes signed envelopes: votes and aliases.
 *
 * The one question that matters after a send is whether the vote may have been stored. So the result has three kinds, and
 * whatever is not a plain yes or a plain no is `unknown`: then the hub's `votes` must be read before anything else is done.
 */
import type { AliasEnvelope, Envelope } from './envelope.ts';
import { classifyRefusal, SnapshotError, type SequencerRefusal } from './errors.ts';
import type { OnExchange } from './exchange.ts';
import { isTimeout, networkText, parseJson, refusalText, retryAfterS, wasNeverSent } from './http-answer.ts';
import { printable } from './printable.ts';
import { Receipt } from './receipt.ts';

/** A receipt has less than 1 KB, and the longest refusal that was recorded 13 KB. */
const MAX_ANSWER_BYTES = 2 ** 20;

export type SubmitResult =
  /** Taken. The receipt reads well; whether it is true, `checkReceipt` says. */
  | { readonly kind: 'accepted'; readonly receipt: Receipt }
  /** Refused; see `SequencerRefusal` for whether for good. */
  | { readonly kind: 'refused'; readonly refusal: SequencerRefusal }
  /** It may have been stored, or not. `why` is printable text; `inFlight`: it says that it is at work on these very bytes. */
  | { readonly kind: 'unknown'; readonly why: string; readonly inFlight?: true };

export interface SequencerOptions {
  /** The address that takes envelopes, for example https://seq.snapshot.org/. */
  readonly url: string;
  /** For each send, answer included. */
  readonly timeoutMs: number;
  readonly onExchange?: OnExchange;
}

export interface Sequencer {
  /**
   * Sends an envelope once. Never throws for what the server or the network does; throws the signal's reason only where it was
   * aborted before anything was sent (aborted later, the result is `unknown`).
   */
  submit(envelope: Envelope | AliasEnvelope, signal?: AbortSignal): Promise<SubmitResult>;
}

/** A client of the sequencer; it opens no connection before the first send. */
export function createSequencer({ url, timeoutMs, onExchange }: SequencerOptions): Sequencer {
  return {
    async submit(envelope, signal) {
      signal?.throwIfAborted();
      const told = teller(onExchange);
      try {
        const response = await fetch(url, {
          method: 'POST',
          headers: { accept: 'application/json', 'content-type': 'application/json' },
          body: JSON.stringify(envelope),
          // Signed bytes are a vote in anybody's hands: they go to the configured address and nowhere else.
          redirect: 'manual',
          signal: limited(timeoutMs, signal),
        });
        const found = result(response, await readText(response));
        told(response.status, isAnswer(found));
        return found;
      } catch (error) {
        if (signal?.aborted !== true) told(null, false);
        return unanswered(error, timeoutMs);
      }
    },
  };
}

/** Asks the sequencer who it is, to see whether it answers; it sends nothing. Throws a SnapshotError where it does not. */
export async function pingSequencer(options: SequencerOptions, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const told = teller(options.onExchange);
  const failure = (description: string, more: { status?: number; cause?: unknown }): SnapshotError =>
    new SnapshotError({ kind: 'unavailable', upstream: 'sequencer', description, ...more });
  let response: Response;
  try {
    response = await fetch(options.url, {
      headers: { accept: 'application/json' },
      redirect: 'manual',
      signal: limited(options.timeoutMs, signal),
    });
    // Whatever it says, it must come to an end.
    await readText(response);
  } catch (cause) {
    signal?.throwIfAborted();
    told(null, false);
    throw failure('no answer', { cause });
  }
  told(response.status, response.ok);
  if (!response.ok) throw failure('it does not say who it is', { status: response.status });
}

/**
 * The body, decompressed. Throws a TypeError, as a line that breaks does, where it goes on beyond the bound; its connection is closed then.
 * By the platform's own fetch, whose connections are not those of the hub: a vote goes out on none that somebody else has left open.
 */
async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of body ?? []) {
    read += chunk.length;
    if (read > MAX_ANSWER_BYTES) throw new TypeError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

function limited(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

function teller(onExchange: OnExchange | undefined): (status: number | null, ok: boolean) => void {
  const began = performance.now();
  return (status, ok) => onExchange?.({ upstream: 'sequencer', status, ok, durationMs: performance.now() - began });
}

/** Whether a sequencer that works says so, be it yes or no. */
function isAnswer(found: SubmitResult): boolean {
  switch (found.kind) {
    case 'accepted':
      return true;
    case 'unknown':
      return found.inFlight === true;
    case 'refused':
      return !TROUBLE.has(found.refusal.code) && found.refusal.status >= 400;
  }
}

/** Refusals that say that it takes nothing now, whatever was sent. */
const TROUBLE = new Set<SequencerRefusal['code']>(['unavailable', 'maintenance', 'rate_limited']);

function result({ status, headers }: Response, body: string): SubmitResult {
  if (status >= 200 && status < 300) {
    const receipt = Receipt.safeParse(parseJson(body));
    if (receipt.success) return { kind: 'accepted', receipt: receipt.data };
    return { kind: 'unknown', why: `answered ${status} without a receipt` };
  }
  const description = printable(refusalText(body)) || 'no reason given';
  if (status >= 300 && status < 400) {
    return refused({
      kind: 'final',
      code: 'rejected',
      status,
      description: 'answered with a redirect, which is not followed',
    });
  }
  const classified = classifyRefusal(status, description);
  // `duplicate message` and its like are answers about *this* envelope; a 5xx or a 425 is none.
  if (classified.code === 'unavailable' || classified.code === 'in_flight') {
    const inFlight = classified.code === 'in_flight' ? ({ inFlight: true } as const) : {};
    return { kind: 'unknown', why: `answered ${status}: ${description}`, ...inFlight };
  }
  const wait = retryAfterS(headers);
  return refused({ ...classified, status, description, ...(wait === undefined ? {} : { retryAfterS: wait }) });
}

function refused(refusal: SequencerRefusal): SubmitResult {
  return { kind: 'refused', refusal };
}

function unanswered(error: unknown, timeoutMs: number): SubmitResult {
  if (isTimeout(error)) return { kind: 'unknown', why: `no answer within ${timeoutMs} ms` };
  if (error instanceof TypeError) {
    const description = printable(networkText(error));
    if (wasNeverSent(error)) {
      return refused({ kind: 'retry', code: 'unavailable', status: 0, description });
    }
    return { kind: 'unknown', why: description };
  }
  return { kind: 'unknown', why: printable(error instanceof Error ? error.message : String(error)) };
}
