/** Waiting for what happens in another process and tells nobody. */
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 25;
const PATIENCE_MS = 60_000;

/** Polls until `check` gives a value. For what happens in another process and tells nobody. */
export async function until<T>(
  what: string,
  check: () => Promise<T | null | undefined | false>,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const value = await check();
    if (value !== null && value !== undefined && value !== false) return value;
    await pause(POLL_MS);
  }
  throw new Error(`Waited ${patienceMs / 1_000} s in vain for: ${what}`);
}
