/**
 * The guard against the same body twice at once: 425 for what is being worked on already. What is refused for maintenance is
 * never taken off the list, as on the real server: the same body gets 425 from then on, until the world is replaced.
 */
import type { Answer, Handler } from '../http.ts';
import { clientError, IN_MAINTENANCE } from './answers.ts';

export function refuseInFlight(generation: () => number, handle: Handler): Handler {
  let inFlight = new Set<string>();
  let since = generation();
  return async (request) => {
    if (request.method !== 'POST') return handle(request);
    if (since !== generation()) {
      inFlight = new Set();
      since = generation();
    }
    const list = inFlight;
    // What the body says, not how it is spaced.
    const body = JSON.stringify(request.body);
    if (list.has(body)) return clientError(425, 'request already being processed');
    list.add(body);
    let answer: Answer | null = null;
    try {
      answer = await handle(request);
      return answer;
    } finally {
      if (answer !== IN_MAINTENANCE) list.delete(body);
    }
  };
}
