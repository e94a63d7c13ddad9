/** Runs before any is measured: the engine is still compiling for the first few hundred. */
import { atOnce } from './stand.ts';

type WarmUp = {
  /** How many at a time: quicker, and what is compiled is what many at a time need too. */
  readonly atOnce: number;
  /** Those that the time is not enough for are not begun. */
  readonly mostMs: number;
};

/** Does the runs of all these spaces, and returns how many were done. */
export async function warmUp(
  spaces: readonly string[],
  run: (space: string) => Promise<unknown>,
  { atOnce: width, mostMs }: WarmUp,
): Promise<number> {
  const began = performance.now();
  let done = 0;
  await atOnce(width, spaces, async (space) => {
    if (performance.now() - began >= mostMs) return;
    await run(space);
    done += 1;
  });
  return done;
}
