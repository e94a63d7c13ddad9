import { samplesOf } from '../test/scraped.ts';
import type { Stack } from '../test/stack.ts';

/** CPU time that all services of a stack have taken so far, milliseconds. They are scraped for it. */
export async function servicesMs(stack: Stack): Promise<number> {
  const samples = samplesOf(await stack.scrape()).filter(({ name }) => name === 'process_cpu_seconds_total');
  return 1_000 * samples.reduce((sum, { value }) => sum + value, 0);
}
