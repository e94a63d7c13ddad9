/**
 * How long an answer that comes over a socket is waited for. After the event loop stood still, be it by a long piece of work or a
 * machine that did not run us, timers go first and sockets are read only then: a plain timer takes an answer that has long been there,
 * or a question that could not even leave, for silence.
 */

/**
 * Calls `late` after `ms` milliseconds, unless the function that comes back is called before. Where the loop stood still, the other
 * side gets that time again, `ms` at most, and what has come by then is read first. Keeps no process alive.
 */
export function answerLimit(ms: number, late: () => void): () => void {
  const dueMs = performance.now() + ms;
  let isOver = false;
  const end = (): void => {
    if (!isOver) late();
  };
  const afterReading = (): void => void setImmediate(end);
  const again = (): void => {
    // A timer counts whole milliseconds, and may come a part of one early.
    const stoodStillMs = Math.max(0, performance.now() - dueMs);
    timer = setTimeout(afterReading, Math.min(stoodStillMs, ms)).unref();
  };
  let timer = setTimeout(again, ms).unref();
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
