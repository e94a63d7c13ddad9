/** Has the event loop of this process stand still, as a long piece of work does, or a machine that does not run it. */
export function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
