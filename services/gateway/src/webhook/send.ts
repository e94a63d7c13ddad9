/**
 * One delivery of one notice: a POST, signed. No redirect is followed, no answer is read, no proxy is asked.
 *
 *   Quorum-Delivery: <id>                        the same in each retry
 *   Quorum-Timestamp: <seconds>                  when this attempt was made
 *   Quorum-Signature: v1=<hex>                   HMAC-SHA-256 of `<timestamp>.<body>` with the webhook's secret
 */
import { createHmac } from 'node:crypto';
import { request as plainRequest, type RequestOptions } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import { hostOf, isPublic, lookupBy, PrivateAddressError, type Resolve, urlFault } from './address.ts';

export type SendDeps = {
  /** Whether receivers on private addresses, and without TLS, are called. */
  readonly allowPrivate: boolean;
  readonly resolve: Resolve;
  /** Milliseconds within which a receiver has to answer, connecting included. */
  readonly timeoutMs: number;
  /** Unix milliseconds. */
  readonly now: () => number;
};

export type ToSend = { readonly url: string; readonly secret: string; readonly id: string; readonly body: string };

/** What came of it. `given_up`: another try would end alike. `why` is for the owner and holds nothing that the receiver wrote. */
export type Sent =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'given_up'; readonly why: string };

/** The value of `Quorum-Signature`. */
export function signatureOf(secret: string, timestamp: string, body: string): string {
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** Sends it once. Never throws for anything that a receiver does. */
export async function send({ url: text, secret, id, body }: ToSend, deps: SendDeps): Promise<Sent> {
  const fault = urlFault(text, deps.allowPrivate);
  if (fault !== null) return { kind: 'given_up', why: `the URL ${fault}` };
  const url = new URL(text);
  const timestamp = String(Math.floor(deps.now() / 1_000));
  try {
    const status = await post(url, body, deps, {
      'quorum-delivery': id,
      'quorum-timestamp': timestamp,
      'quorum-signature': signatureOf(secret, timestamp, body),
    });
    if (status >= 200 && status < 300) return { kind: 'delivered' };
    if (status === 410) return { kind: 'given_up', why: 'answered 410: it wants no more' };
    return { kind: 'failed', why: status < 400 ? `answered ${status}: no redirect is followed` : `answered ${status}` };
  } catch (error) {
    // A name may mean something else at the next try, when it is asked for anew.
    if (error instanceof PrivateAddressError) return { kind: 'failed', why: error.message };
    return { kind: 'failed', why: wordsOf(error, deps.timeoutMs) };
  }
}

function post(url: URL, body: string, deps: SendDeps, signed: Readonly<Record<string, string>>): Promise<number> {
  const { allowPrivate, resolve, timeoutMs } = deps;
  const host = hostOf(url);
  // A socket asks no resolver for an address.
  if (isIP(host) !== 0 && !allowPrivate && !isPublic(host)) throw new PrivateAddressError(host);
  const options: RequestOptions = {
    method: 'POST',
    // One connection each: one that was kept would go where its name no longer leads.
    agent: false,
    lookup: lookupBy(resolve),
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      ...signed,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Quorum-Webhook/1',
    },
  };
  const ask = url.protocol === 'https:' ? tlsRequest : plainRequest;
  return new Promise((done, fail) => {
    const sent = ask(url, options, (response) => {
      done(response.statusCode ?? 0);
      // However much the receiver has to say: nobody listens.
      response.destroy();
    });
    // Stays: what happens to the connection after the answer is nobody's concern.
    sent.on('error', fail);
    sent.end(body);
  });
}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'could not be sent';
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1_000} s`;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `could not be sent: ${code.replaceAll(/[^A-Za-z0-9_]/g, '')}`;
}
