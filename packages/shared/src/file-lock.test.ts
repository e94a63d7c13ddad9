import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useFolder } from '../test/preference-stores.ts';
import { run } from '../test/process.ts';
import { withFileLock } from './file-lock.ts';

const HOLDER = join(import.meta.dirname, '../test/preferences-writer.ts');
const dir = useFolder();
let locks = 0;
const aLock = (): string => join(dir(), `lock-${(locks += 1)}`);

describe('a file lock', () => {
  it('is held by one at a time, also within a process', async () => {
    const path = aLock();
    let inside = 0;
    const work = async (): Promise<void> => {
      inside += 1;
      expect(inside).toBe(1);
      await new Promise(setImmediate);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withFileLock(path, work)));
  });

  it('is not to be had while another process holds it, and at once when that one is killed', async () => {
    const path = aLock();
    const holder = run(HOLDER, ['lock', path]);
    expect(await holder.next()).toBe('held');
    const refused = withFileLock(path, async () => 'taken', 50);
    await expect(refused).rejects.toMatchObject({
      name: 'FileLockError',
      category: 'timeout',
      message: expect.stringMatching(/was held by another process for 0\.05 s\. Find it/),
    });
    holder.kill();
    await holder.ended;
    // Without any patience: there is nothing to wait for.
    expect(await withFileLock(path, async () => 'taken', 0)).toBe('taken');
  });

  it('goes to who waits when its holder is killed', async () => {
    const path = aLock();
    const holder = run(HOLDER, ['lock', path]);
    await holder.next();
    const waiting = withFileLock(path, async () => 'taken');
    holder.kill();
    expect(await waiting).toBe('taken');
  });

  it('is given back when the work fails', async () => {
    const path = aLock();
    const failing = withFileLock(path, async () => {
      throw new Error('broken');
    });
    await expect(failing).rejects.toThrow('broken');
    expect(await withFileLock(path, async () => 'taken', 0)).toBe('taken');
  });

  it.for([
    ['whose folder is missing', async (path: string) => join(path, 'nowhere')],
    [
      'that is another file',
      async (path: string) => {
        await writeFile(path, 'not a lock, but long enough to be looked at: '.repeat(40));
        return path;
      },
    ],
  ] as const)('%s says so and what to do', async ([, make]) => {
    const path = await make(aLock());
    await expect(withFileLock(path, async () => 'taken')).rejects.toMatchObject({
      name: 'FileLockError',
      category: 'preferences',
      message: expect.stringMatching(/^The lock .* cannot be used .* write its folder, and remove the file/),
    });
  });
});
