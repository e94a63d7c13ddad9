/** What is told of each request to a model, and the request that is made when nobody asks one. */
import type { OnExchange } from '@quorum/snapshot/exchange';
import { APIError, type OpenAI } from 'openai';

/** A refusal of what we sent, or of its form. */
export const FORM_REFUSED: ReadonlySet<number> = new Set([400, 413, 422]);
/** Some endpoints do not say anything of a model by its name: that they say so is an answer. */
const NO_SUCH_ROUTE: ReadonlySet<number> = new Set([404, 405, 501]);

/** To be called when a request has ended. What `givenUp` ended says nothing of the endpoint. */
export function exchangeTeller(
  onExchange: OnExchange,
  givenUp: AbortSignal | undefined,
): (status: number | null, ok: boolean) => void {
  const began = performance.now();
  return (status, ok) => {
    if (givenUp?.aborted === true) return;
    onExchange({ upstream: 'model', status, ok, durationMs: performance.now() - began });
  };
}

/** The status of an answer that was no success; null where none came. */
export function statusOf(thrown: unknown): number | null {
  return thrown instanceof APIError && typeof thrown.status === 'number' ? thrown.status : null;
}

/** Asks the endpoint for the name of a model: no list, which is long, and no token. Throws where it does not answer as it should. */
export async function pingModel(
  client: { readonly openai: OpenAI; readonly onExchange: OnExchange },
  model: string,
  timeoutMs: number,
): Promise<void> {
  const told = exchangeTeller(client.onExchange, undefined);
  try {
    await client.openai.models.retrieve(model, { signal: AbortSignal.timeout(timeoutMs) });
    told(200, true);
  } catch (thrown) {
    const status = statusOf(thrown);
    const ok = status !== null && NO_SUCH_ROUTE.has(status);
    told(status, ok);
    if (!ok) throw thrown;
  }
}
