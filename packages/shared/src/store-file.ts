/**
 * Preferences in files: one folder per owner below `dir`, for one machine. That there were some is remembered in two places,
 * beside the file and in Redis: so the loss of the file, and that of the whole folder, is noticed.
 */
import type { OwnerId } from './ids.ts';
import { ownerFolder } from './owner-folder.ts';
import { preferenceStore, type PreferenceStore } from './preference-store.ts';
import type { PreferenceDefaults } from './preferences-document.ts';
import type { RecordedVersions } from './recorded-versions.ts';
import { serialQueue } from './serial-queue.ts';

export type FileStoreOptions = {
  readonly dir: string;
  readonly defaults: () => PreferenceDefaults;
  readonly recorded: RecordedVersions;
};

/** The preferences in `<dir>/<owner>/user_preferences.txt`. */
export function filePreferenceStore({ dir, defaults, recorded }: FileStoreOptions): PreferenceStore {
  const folderOf = (owner: OwnerId) => ownerFolder(dir, owner);
  const queue = serialQueue();
  return preferenceStore(
    {
      where: (owner) => folderOf(owner).file,
      putBack(owner) {
        const { file, lastGood } = folderOf(owner);
        return `Put it back (cp '${lastGood}' '${file}', if that is still there)`;
      },
      async read(owner) {
        const folder = folderOf(owner);
        const now = folder.read();
        const before = folder.readLastGood();
        const version = await recorded.version(owner);
        const lastGood = before.kind === 'text' ? before.bytes : null;
        return { now, lastGood, recorded: version !== null || before.kind !== 'absent' };
      },
      async replace(owner, { now }, bytes, version) {
        if (!(await folderOf(owner).replace(now, bytes))) return false;
        await recorded.record(owner, version);
        return true;
      },
      async keep(owner, bytes, version) {
        await recorded.record(owner, version);
        await folderOf(owner).keep(bytes);
      },
      exclusively: (owner, work) => queue(owner, () => folderOf(owner).exclusively(work)),
    },
    defaults,
  );
}
