/**
 * Time that work has, as a signal that can be let go of once the work is over. `AbortSignal.timeout` keeps its timer, and whatever
 * listens, until its time has come: at sixty runs a second and five minutes for a job, what eighteen thousand jobs left behind.
 */
const LATE = 'The operation was aborted due to timeout';

export type TimeLimit = Disposable & { readonly signal: AbortSignal };

/**
 * A signal that is aborted after `ms` milliseconds, with the TimeoutError of `AbortSignal.timeout`, or with the first of `others`, for
 * its reason. Once disposed of it is aborted no more. Its timer keeps no process alive.
 */
export function timeLimit(ms: number, others: readonly AbortSignal[] = []): TimeLimit {
  const controller = new AbortController();
  const late = (): void => controller.abort(new DOMException(LATE, 'TimeoutError'));
  const timer = setTimeout(late, ms).unref();
  const listening = others.map((other) => ({ other, end: () => controller.abort(other.reason) }));
  for (const { other, end } of listening) {
    if (other.aborted) end();
    other.addEventListener('abort', end, { once: true });
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const { other, end } of listening) other.removeEventListener('abort', end);
    },
  };
}
