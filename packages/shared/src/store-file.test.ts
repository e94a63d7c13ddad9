/** What is true of the file store alone; `preference-store.test.ts` holds what both stores promise. */
import { chmod, chown, link, mkdir, readFile, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { byHand, storeOf, useFolder } from '../test/preference-stores.ts';
import { anOwner, preferences } from '../test/samples.ts';
import { useRedis } from '../test/world.ts';
import type { OwnerId } from './ids.ts';
import { LAST_GOOD_FILE, ownerFolder, PREFERENCES_FILE } from './owner-folder.ts';
import type { PreferenceStore, StoredPreferences } from './preference-store.ts';
import { keys } from './redis-keys.ts';

const { redis } = useRedis();
const dir = useFolder();
const store = (at = dir()): PreferenceStore => storeOf('file', at, redis());
const folderOf = (owner: OwnerId): string => join(dir(), owner);
const fileOf = (owner: OwnerId): string => ownerFolder(dir(), owner).file;

/** The user that tests run as when they give up being root: some user who owns nothing. */
const NOBODY = 65_534;
const isRoot = process.geteuid?.() === 0;

/** An owner with preferences. */
async function anOwnerWith(text = '{"approval": "always"}'): Promise<OwnerId> {
  const owner = anOwner();
  await byHand('file', dir(), redis()).write(owner, text);
  return owner;
}

function faultOf(found: StoredPreferences): { fault: string; why: string } {
  if (found.kind !== 'unusable') throw new Error(`it was taken: ${found.kind}`);
  return found;
}

describe('a file that is saved', () => {
  it('stands in a folder of the owner, both for Quorum’s user alone, with the last good copy beside it', async () => {
    const owner = anOwner();
    const fresh = join(dir(), 'not', 'there', 'yet');
    await store(fresh).save(owner, preferences({ approval: 'always' }));
    const folder = join(fresh, owner);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await readdir(folder)).toSorted()).toEqual(['.lock', LAST_GOOD_FILE, PREFERENCES_FILE]);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const text = await readFile(join(folder, PREFERENCES_FILE), 'utf8');
    expect(await readFile(join(folder, LAST_GOOD_FILE), 'utf8')).toBe(text);
    // For a person to read and to change.
    expect(text.split('\n')).toContain('  "approval": "always",');
  });

  it('never writes through: who holds the old file open keeps the old text', async () => {
    const owner = await anOwnerWith();
    await link(fileOf(owner), join(folderOf(owner), 'other-name'));
    await store().update(owner, 'approval', 'never');
    expect(await readFile(join(folderOf(owner), 'other-name'), 'utf8')).toBe('{"approval": "always"}');
  });

  it('into a folder that cannot be is refused with what to do', async () => {
    const owner = anOwner();
    await writeFile(folderOf(owner), 'in the way');
    await expect(store().save(owner, preferences())).rejects.toMatchObject({
      category: 'preferences',
      message: expect.stringMatching(/cannot be written to .*: (EEXIST|ENOTDIR).* Mend that, or keep them in Redis/),
    });
  });

  it('in the place of a folder is refused with what to do', async () => {
    const owner = anOwner();
    await mkdir(join(fileOf(owner), 'inside'), { recursive: true, mode: 0o700 });
    await expect(store().save(owner, preferences())).rejects.toMatchObject({
      category: 'preferences',
      message: expect.stringContaining('cannot be written'),
    });
  });
});

describe('preferences that others may have written', () => {
  it.for([
    ['the file, by its group', PREFERENCES_FILE, 0o620],
    ['the file, by all', PREFERENCES_FILE, 0o602],
    ['the folder, by its group', '', 0o770],
    ['the folder, by all', '', 0o703],
  ] as const)('(%s) are not used, and the error says how to mend it', async ([, name, mode]) => {
    const owner = await anOwnerWith();
    await store().load(owner);
    const path = join(folderOf(owner), name);
    await chmod(path, mode);
    const { fault, why } = faultOf(await store().load(owner));
    expect(fault).toBe('foreign');
    expect(why).toContain(`chmod go-w '${path}'`);
    await promisify(execFile)('chmod', ['go-w', path]);
    expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: { approval: 'always' } });
  });

  it('are not saved into a folder that others may write; over a file that they may write they are', async () => {
    const owner = await anOwnerWith();
    await chmod(fileOf(owner), 0o666);
    await store().save(owner, preferences());
    expect(await store().load(owner)).toMatchObject({ kind: 'stored' });
    await chmod(folderOf(owner), 0o777);
    await expect(store().save(owner, preferences())).rejects.toMatchObject({
      category: 'preferences',
      message: expect.stringContaining(`chmod go-w '${folderOf(owner)}'`),
    });
  });

  it('are not used where the folder of all owners is anybody’s', async () => {
    const owner = anOwner();
    const open = join(dir(), 'open');
    await byHand('file', open, redis()).write(owner, '{}');
    await chmod(open, 0o777);
    const { fault, why } = faultOf(await store(open).load(owner));
    expect([fault, why]).toEqual(['foreign', expect.stringContaining(`chmod go-w '${open}'`)]);
  });

  it('are not read through a link', async () => {
    const owner = await anOwnerWith();
    await rm(fileOf(owner));
    await writeFile(join(folderOf(owner), 'elsewhere'), '{}');
    await symlink('elsewhere', fileOf(owner));
    expect(faultOf(await store().load(owner))).toMatchObject({ fault: 'foreign', why: /is a link\. Put the file/ });
  });

  it.runIf(isRoot).for([
    ['file', fileOf],
    ['folder', folderOf],
  ] as const)('(a %s of another user) are not used, and the error says how to mend it', async ([, pathOf]) => {
    const owner = await anOwnerWith();
    await chown(pathOf(owner), NOBODY, NOBODY);
    const { fault, why } = faultOf(await store().load(owner));
    expect(fault).toBe('foreign');
    expect(why).toContain(`belongs to user ${NOBODY}, and Quorum runs as user 0`);
    expect(why).toContain(`chown 0 '${pathOf(owner)}'`);
  });
});

describe('a file that the system does not hand out', () => {
  it('is unreadable where it is a folder', async () => {
    const owner = anOwner();
    await mkdir(fileOf(owner), { recursive: true, mode: 0o700 });
    const { fault, why } = faultOf(await store().load(owner));
    expect([fault, why]).toEqual(['unreadable', `${fileOf(owner)} is not a file. Move it away.`]);
  });

  it('is unreadable, and never waited for, where it is a pipe', async () => {
    const owner = await anOwnerWith();
    await rm(fileOf(owner));
    await promisify(execFile)('mkfifo', ['-m', '600', fileOf(owner)]);
    expect(faultOf(await store().load(owner))).toMatchObject({ fault: 'unreadable' });
  });

  it('is unreadable where it is far too large', async () => {
    const owner = await anOwnerWith();
    await truncate(fileOf(owner), 2 ** 40);
    const { fault, why } = faultOf(await store().load(owner));
    expect([fault, why]).toEqual(['unreadable', expect.stringContaining('is larger than 1024 kB')]);
  });

  it('is unreadable where the folder is a file', async () => {
    const owner = anOwner();
    await writeFile(folderOf(owner), '');
    expect(faultOf(await store().load(owner))).toMatchObject({ fault: 'unreadable' });
  });
});

describe('for a user who is not root', () => {
  const become = (user: number): void => {
    if (isRoot) process.seteuid?.(user);
  };
  afterEach(() => become(0));

  /** An owner whose folder is that user's. */
  async function anOwnerOfNobody(): Promise<OwnerId> {
    const owner = await anOwnerWith();
    if (isRoot) {
      await chmod(dir(), 0o711);
      for (const path of [folderOf(owner), fileOf(owner)]) await chown(path, NOBODY, NOBODY);
    }
    return owner;
  }

  it('a file without leave to read it is unreadable, and the error says so', async () => {
    const owner = await anOwnerOfNobody();
    await chmod(fileOf(owner), 0o200);
    become(NOBODY);
    const { fault, why } = faultOf(await store().load(owner));
    expect([fault, why]).toEqual(['unreadable', expect.stringMatching(/cannot be read: EACCES.* as read it/)]);
  });

  it('a folder that cannot be written is read all the same; saving says what to do', async () => {
    const owner = await anOwnerOfNobody();
    await chmod(folderOf(owner), 0o500);
    become(NOBODY);
    for (let again = 0; again < 2; again += 1) {
      expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: { approval: 'always' } });
    }
    await expect(store().save(owner, preferences())).rejects.toMatchObject({
      category: 'preferences',
      message: expect.stringMatching(/The lock .* cannot be used .* write its folder/),
    });
    become(0);
    expect(await readdir(folderOf(owner))).toEqual([PREFERENCES_FILE]);
    // That there was one is remembered elsewhere.
    expect(await redis().exists(keys.preferencesVersion(owner))).toBe(1);
  });
});

describe('the last good copy', () => {
  it('tells that there was a file to a Redis that knows nothing', async () => {
    const owner = await anOwnerWith();
    await store().load(owner);
    await redis().del(keys.preferencesVersion(owner));
    await rm(fileOf(owner));
    const { fault, why } = faultOf(await store().load(owner));
    expect(fault).toBe('gone');
    const command = /\(cp '(.+)' '(.+)', if/.exec(why);
    await promisify(execFile)('cp', [command?.[1] ?? '', command?.[2] ?? '']);
    expect(await store().load(owner)).toMatchObject({ kind: 'stored', preferences: { approval: 'always' } });
  });

  it('is not shown where others may have written it', async () => {
    const owner = await anOwnerWith();
    await store().load(owner);
    await chmod(join(folderOf(owner), LAST_GOOD_FILE), 0o666);
    await rm(fileOf(owner));
    expect(await store().load(owner)).toMatchObject({ kind: 'unusable', fault: 'gone', last_good: null });
  });
});
