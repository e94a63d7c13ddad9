/**
 * What is asked of Redis when somebody asks for metrics: once for all gauges of a scrape, and never for longer than a scrape can wait.
 * Without an answer a gauge says nothing (`NaN`): a number of the past would look like one of now.
 */
import { Gauge, type Registry } from 'prom-client';
import { within } from './within.ts';

/** Shorter than any scrape waits. */
const LIMIT_MS = 2_000;
/** The gauges of one scrape are read within this time. */
const SAME_SCRAPE_MS = 500;

/** Makes a function that answers what `ask` resolves to, or null where it fails or takes too long. */
export function askedOnce<T>(ask: () => Promise<T>, limitMs: number = LIMIT_MS): () => Promise<T | null> {
  let last: { readonly atMs: number; readonly answer: Promise<T | null> } | null = null;
  return () => {
    const nowMs = performance.now();
    if (last === null || nowMs - last.atMs > SAME_SCRAPE_MS) {
      last = { atMs: nowMs, answer: within<T | null>(limitMs, ask(), null) };
    }
    return last.answer;
  };
}

/** A gauge without labels that is read when somebody asks for metrics; nothing to read is none. */
export function measure(
  registry: Registry,
  name: string,
  help: string,
  read: () => Promise<number | null | undefined>,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      gauge.set((await read()) ?? Number.NaN);
    },
  });
}
