/** What a check found, and the bounds within which it must have found it. */
import { toQuorumError } from '@quorum/shared/errors';
import { SnapshotError } from '@quorum/snapshot/errors';

/**
 * fine: as it should be. warning: it works now, or votes less well. broken: no vote comes of it, or a wrong state would.
 * unchecked: another finding keeps it from being looked at.
 */
export type Finding = { readonly check: string; readonly says: string } & (
  | { readonly level: 'fine' | 'unchecked' }
  | { readonly level: 'warning' | 'broken'; readonly remedy: string }
);

export const fine = (check: string, says: string): Finding => ({ level: 'fine', check, says });
export const unchecked = (check: string, says: string): Finding => ({ level: 'unchecked', check, says });
export const warning = (check: string, says: string, remedy: string): Finding => ({
  level: 'warning',
  check,
  says,
  remedy,
});
export const broken = (check: string, says: string, remedy: string): Finding => ({
  level: 'broken',
  check,
  says,
  remedy,
});

/** How long one check may take. */
const CHECK_MS = 10_000;
/** How long one question within a check may take, so that its own words come before the check is cut off. */
export const ASK_MS = 6_000;

/** Runs a check to its end or its time, whichever comes first. Never throws: what it throws is a finding. */
export async function bounded(
  check: string,
  look: (signal: AbortSignal) => Promise<readonly Finding[]>,
  limitMs = CHECK_MS,
): Promise<readonly Finding[]> {
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => {
      cut.abort();
      const says = `no answer within ${limitMs / 1_000} s`;
      resolve([broken(check, says, 'Look at whether it is overloaded or cut off, and try again.')]);
    }, limitMs);
  });
  try {
    return await Promise.race([look(cut.signal), late]);
  } catch (error) {
    return [broken(check, wordsOf(error), 'Mend what it says, and try again.')];
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong, in words that hold nothing of the inside. */
export function wordsOf(error: unknown): string {
  if (error instanceof SnapshotError) return error.message;
  const known = toQuorumError(error);
  if (known.category !== 'internal') return known.message;
  return error instanceof Error ? error.message : String(error);
}
