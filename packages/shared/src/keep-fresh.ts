/**
 * When the settings are read again, and what is said of it: on SIGHUP, and when the file changes. Its folder is watched and not
 * the file itself, since editors write a new file and rename it over the old one.
 */
import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';
import type { ValidationError } from './errors.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';

/** An editor writes a file in several steps: it is read once nothing more has happened for so long. */
const SETTLED_MS = 200;

/** What a reload came to. Names only, never values. */
export type Reloaded =
  | { readonly kind: 'invalid'; readonly error: ValidationError }
  | {
      readonly kind: 'valid';
      /** In force from now on. */
      readonly applied: readonly string[];
      /** Changed in the file, but as they were until the next start. */
      readonly needRestart: readonly string[];
      /** Changed in the file, where the environment has the word. */
      readonly overruled: readonly string[];
    };

export type KeepFreshOptions = {
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'configReloads'>;
  /** Called after settings changed, for what does not ask for them by itself. */
  readonly onApplied: () => void;
};

type Settings = {
  readonly reload: () => Reloaded;
  /** Whether the file says something else than when it was last read. */
  readonly hasChanged: () => boolean;
};

/** Begins to reload. `close` ends it. */
export function keepFresh(
  file: string | null,
  { log, metrics, onApplied }: KeepFreshOptions,
  { reload, hasChanged }: Settings,
): { close(): Promise<void> } {
  const again = (): void => {
    const reloaded = reload();
    if (reloaded.kind === 'valid' && reloaded.applied.length > 0) onApplied();
    metrics.configReloads.inc({ result: tell(reloaded, log) });
  };
  // A change of the folder's other files, or a file that was only touched, is no reason to say anything.
  const ifChanged = (): void => {
    if (hasChanged()) again();
  };
  const watching = file === null ? null : watchWritten(file, ifChanged, log);
  process.on('SIGHUP', again);
  return {
    async close() {
      process.off('SIGHUP', again);
      watching?.close();
    },
  };
}

/**
 * Calls `onWritten` once nothing more has happened to the file for a moment, and once soon: it may have changed since it was
 * read, before anybody watched. Where it cannot be watched, that is said and nothing else happens.
 */
export function watchWritten(file: string, onWritten: () => void, log: Pick<Logger, 'warn'>): { close(): void } {
  let settled: NodeJS.Timeout | undefined;
  const later = (): void => {
    clearTimeout(settled);
    settled = setTimeout(onWritten, SETTLED_MS).unref();
  };
  const watcher = watchFile(file, later, log);
  later();
  return {
    close() {
      clearTimeout(settled);
      watcher?.close();
    },
  };
}

function watchFile(file: string, onEvent: () => void, log: Pick<Logger, 'warn'>): FSWatcher | null {
  const unwatched = (error: unknown): void =>
    log.warn({ err: error, file }, 'settings file is not watched; send this service SIGHUP after a change');
  try {
    const watcher = watch(path.dirname(file), { persistent: false }, (_event, name) => {
      if (name === null || name === path.basename(file)) onEvent();
    });
    watcher.on('error', unwatched);
    return watcher;
  } catch (error) {
    unwatched(error);
    return null;
  }
}

/** Says what came of it, and gives back its label. */
function tell(reloaded: Reloaded, log: Logger): 'invalid' | 'needs_restart' | 'applied' | 'unchanged' {
  if (reloaded.kind === 'invalid') {
    const { issues, message } = reloaded.error;
    const why = issues.length === 0 ? message : issues.map((issue) => `${issue.path}: ${issue.message}`).join('; ');
    log.error({ settings: issues.map((issue) => issue.path), why }, 'settings do not fit; the old values stay');
    return 'invalid';
  }
  const { applied, needRestart, overruled } = reloaded;
  if (applied.length > 0) log.info({ settings: applied }, 'settings changed');
  if (overruled.length > 0)
    log.warn({ settings: overruled }, 'settings are set by the environment; the file is not heard');
  if (needRestart.length > 0) log.warn({ settings: needRestart }, 'settings need a restart; the old values stay');
  if (needRestart.length > 0) return 'needs_restart';
  if (applied.length > 0) return 'applied';
  log.info('settings are unchanged');
  return 'unchanged';
}
