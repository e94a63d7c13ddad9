/**
 * The limit of requests a minute and address, which hub and sequencer each have: every request counts, invalid ones too,
 * in windows of 60 s that begin with an address's first request.
 *
 * A window ends when 60 s have gone by on the real clock or on the sandbox's: a client that honours `Retry-After` is served
 * although the sandbox's clock stands still, and a test need not wait but may set the clock.
 */
import type { Clock } from './clock.ts';

const WINDOW_S = 60;

export type RateVerdict = {
  readonly allowed: boolean;
  /**
   * `RateLimit-*`, with `Retry-After` where it is not allowed; none where there is no limit. `Retry-After` is the whole window
   * however little of it is left: a score API with 57 s to go was recorded to say 60, and all three servers use one library.
   */
  readonly headers: Readonly<Record<string, string>>;
};

export type RateLimiter = {
  /** Counts a request of this address. */
  take(address: string): RateVerdict;
  /** Forgets what was counted. */
  clear(): void;
};

type Window = { readonly realStart: number; readonly clockStart: number; count: number };

/** `limit` is asked at each request: requests a window, or null for no limit. */
export function createRateLimiter(clock: Clock, limit: () => number | null): RateLimiter {
  const windows = new Map<string, Window>();
  const elapsed = ({ realStart, clockStart }: Window): number =>
    Math.max((performance.now() - realStart) / 1000, clock.now() - clockStart);

  const current = (address: string): Window => {
    const known = windows.get(address);
    if (known && elapsed(known) < WINDOW_S) return known;
    // Only here can the table grow, so only here is it swept.
    for (const [name, window] of windows) if (elapsed(window) >= WINDOW_S) windows.delete(name);
    const fresh = { realStart: performance.now(), clockStart: clock.now(), count: 0 };
    windows.set(address, fresh);
    return fresh;
  };

  return {
    take: (address) => {
      const max = limit();
      if (max === null) return { allowed: true, headers: {} };
      const window = current(address);
      window.count += 1;
      const reset = String(Math.ceil(WINDOW_S - Math.max(0, elapsed(window))));
      const headers = {
        'ratelimit-limit': String(max),
        'ratelimit-remaining': String(Math.max(0, max - window.count)),
        'ratelimit-reset': reset,
      };
      const allowed = window.count <= max;
      return { allowed, headers: allowed ? headers : { ...headers, 'retry-after': String(WINDOW_S) } };
    },
    clear: () => windows.clear(),
  };
}
