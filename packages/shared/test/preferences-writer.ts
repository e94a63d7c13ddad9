/**
 * A process that changes preferences, for tests that kill it or set several against each other.
 *
 *     node preferences-writer.ts folder <dir> <owner> <from>    replaces the file with texts `from`, `from` + 1, … without end
 *     node preferences-writer.ts lock <path>                    holds the lock
 *
 * It says each number, or `held`, once that is done.
 */
import { writeSync } from 'node:fs';
import { withFileLock } from '../src/file-lock.ts';
import { ownerFolder } from '../src/owner-folder.ts';

const STDOUT = 1;
const HOUR_MS = 60 * 60 * 1_000;
/** Several blocks of a disk, so that a part of it could be written. */
const FILLING = ' '.repeat(20_000);

/** The text number `n`, and preferences that a store takes. */
export function textOf(n: number): Buffer {
  return Buffer.from(`${JSON.stringify({ max_proposals_per_run: 1 + (n % 10), instructions: `${n}` })}${FILLING}`);
}

if (import.meta.main) {
  const [what, ...args] = process.argv.slice(2);
  if (what === 'lock') {
    await withFileLock(args[0] ?? '', () => {
      writeSync(STDOUT, 'held\n');
      // The timer holds the promise: what nothing holds is collected, and the lock with it.
      return new Promise<void>((resolve) => setTimeout(resolve, HOUR_MS));
    });
  }
  const [dir = '', owner = '', from] = args;
  const folder = ownerFolder(dir, owner);
  for (let n = Number(from); ; n += 1) {
    await folder.exclusively(async () => folder.replace(folder.read(), textOf(n)));
    writeSync(STDOUT, `${n}\n`);
  }
}
