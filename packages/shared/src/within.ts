/** What comes in time, or a substitute. */
import { setTimeout as pause } from 'node:timers/promises';

/** What the work resolves to within `limitMs`; the substitute where it takes longer or fails. Never throws, and keeps no process. */
export async function within<T>(limitMs: number, work: Promise<T>, substitute: T): Promise<T> {
  const late = new AbortController();
  try {
    return await Promise.race([
      work.catch(() => substitute),
      pause(limitMs, substitute, { ref: false, signal: late.signal }),
    ]);
  } finally {
    late.abort();
  }
}
