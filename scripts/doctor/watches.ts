/** The standing orders: whether what each of them watches is a space in which its owner's signer may vote. */
import { createWatches } from '@quorum/shared/watches';
import type { SignerEntry } from '@quorum/voter/signer-entry';
import type { Redis } from 'ioredis';
import { broken, fine, warning, type Finding } from './finding.ts';

/** `entries` are those of signers.json; the voting power in a space of theirs is a finding of its own. */
export async function checkWatches(redis: Redis, entries: readonly SignerEntry[]): Promise<readonly Finding[]> {
  const { records, odd } = await createWatches(redis).all();
  const unreadable = odd.map((field) =>
    broken('watch', `the watch ${field} cannot be read, and starts no run`, 'Order it anew: PUT /watches/SPACE.eth'),
  );
  const found = records.map(({ owner, space_id: space, dry_run: dryRun }): Finding => {
    const check = `watch of ${owner}`;
    if (dryRun) return fine(check, `${space}, in dry runs`);
    if (entries.some((entry) => entry.owner === owner && entry.allowedSpaces.includes(space))) {
      return fine(check, `${space}, where its signer may vote`);
    }
    return warning(
      check,
      `no signer of ${owner} may vote in ${space}: each run of this watch is a dry run`,
      `Let one vote there (docs/operations/signers.md), or order a dry_run, or end it: DELETE /watches/${space}`,
    );
  });
  return [...unreadable, ...found];
}
