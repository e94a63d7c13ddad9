/**
 * What stands before the hub: API keys and the limit of requests. A good key with calls left passes the limit; one that is used
 * up is answered like no key at all, and an unknown one not at all.
 */
import type { Answer, Handler, SandboxRequest } from '../http.ts';
import type { LiveWorld } from '../live-world.ts';
import type { RateLimiter } from '../rate-limit.ts';
import type { ApiKey } from '../world.ts';
import { hubError } from './rest.ts';

const TOO_MANY = 'too many requests, refer to https://docs.snapshot.box/tools/api/api-keys#limits';

/** Makes the wrapper for the hub's endpoints; all that it wraps counts together, and anew with each world. */
export function createHubGuard(world: LiveWorld, limiter: RateLimiter): (handle: Handler) => Handler {
  let used = new Map<string, number>();
  let generation = world.generation;

  /** How many calls the key has left after this one. */
  const spend = (key: ApiKey): number => {
    const count = (used.get(key.key) ?? key.used) + 1;
    used.set(key.key, count);
    return key.monthly_limit - count;
  };

  return (handle) => async (request) => {
    if (generation !== world.generation) {
      generation = world.generation;
      used = new Map();
      limiter.clear();
    }
    const name = keyOf(request);
    const key = name === '' ? null : world.apiKey(name);
    if (name !== '' && !key) return hubError(401, 'invalid api key');

    const left = key ? spend(key) : -1;
    const keyHeaders = key ? headersFor(key, left, world.clock.now()) : {};
    if (left >= 0) return withHeaders(await handle(request), keyHeaders);

    const { allowed, headers } = limiter.take(request.ip);
    if (!allowed) return hubError(429, TOO_MANY, { ...headers, ...keyHeaders });
    return withHeaders(await handle(request), { ...headers, ...keyHeaders });
  };
}

function headersFor(key: ApiKey, left: number, now: number): Record<string, string> {
  return {
    'x-api-key-limit': String(key.monthly_limit),
    'x-api-key-remaining': String(Math.max(0, left)),
    'x-api-key-reset': String(key.reset ?? nextMonth(now)),
  };
}

/** The header wins over the query parameter. */
function keyOf({ headers, query }: SandboxRequest): string {
  const inQuery = query['apiKey'];
  return headers['x-api-key'] || (typeof inQuery === 'string' ? inQuery : '');
}

function withHeaders(answer: Answer, headers: Readonly<Record<string, string>>): Answer {
  return answer.kind === 'cut' ? answer : { ...answer, headers: { ...answer.headers, ...headers } };
}

/** Unix seconds of the next first of a month, in UTC. */
function nextMonth(now: number): number {
  const date = new Date(now * 1000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / 1000;
}
