/**
 * The settings file, `.env` beside the README unless QUORUM_ENV_FILE names another (empty: none). It is read here for what
 * `npm start` decides by itself. The services read it themselves, so that a change reaches them while they run.
 */
import path from 'node:path';
import { parseSettingsText, readSettingsText, type Environment } from '@quorum/shared/config-layers';
import { ValidationError } from '@quorum/shared/errors';
import { watchWritten } from '@quorum/shared/keep-fresh';
import { allSettings } from './schemas.ts';
import type { SettingSources } from './start-settings.ts';

/** @throws ValidationError if the file is there and cannot be read, or not as settings. */
export function readSources(env: NodeJS.ProcessEnv, root: string): SettingSources {
  const named = env['QUORUM_ENV_FILE'] ?? '.env';
  if (named === '') return { env, file: {}, path: null };
  const file = path.resolve(root, named);
  return { env, file: parseSettingsText(readSettingsText(file) ?? '', file), path: file };
}

/** File and environment together; the environment has the word, even where it holds a name empty. */
export function merged({ env, file }: SettingSources): NodeJS.ProcessEnv {
  return { ...file, ...env };
}

/** Compose reads the same file, and these are its own. */
const COMPOSE = /^(?:(?:COMPOSE|DOCKER|QUORUM)_|(?:GRAFANA|PROMETHEUS)_PORT$)/;

/** The names that an operator may set, and those that whatever starts the services sets. */
function knownNames(): { readonly heard: readonly string[]; readonly managed: readonly string[] } {
  const [managed, heard] = [true, false].map((wanted) =>
    allSettings()
      .filter(({ uses }) => uses.every(({ setting }) => setting.managed) === wanted)
      .map(({ name }) => name),
  );
  return { heard: heard ?? [], managed: managed ?? [] };
}

/** For each name in the file that has no effect, what to tell the operator; of an unknown one with the nearest that there is. */
export function unheardSettings(file: Environment): string[] {
  const { heard, managed } = knownNames();
  return Object.keys(file)
    .filter((name) => !heard.includes(name) && !COMPOSE.test(name))
    .map((name) => {
      const sets = `The settings file sets ${name}, which`;
      if (managed.includes(name)) return `${sets} npm start and compose set themselves.`;
      const near = nearest(name, heard);
      return `${sets} nothing reads.${near === undefined ? '' : ` Did you mean ${near}?`}`;
    });
}

/**
 * While it runs: says which settings changed in the file, as the services read them, and what has no effect. What does not fit,
 * and what needs a restart, they say themselves.
 */
export function tellOfChanges(
  { env, file, path: where }: SettingSources,
  say: (line: string) => void,
): { close(): void } {
  if (where === null) return { close() {} };
  const { heard } = knownNames();
  let before = file;
  let told = new Set(unheardSettings(file));
  return watchWritten(
    where,
    () => {
      const now = readChanged(where);
      if (now === null) return;
      const changed = heard.filter((name) => before[name] !== now[name] && env[name] === undefined);
      if (changed.length > 0) say(`  ${path.basename(where)} was changed: ${changed.join(', ')}`);
      const unheard = unheardSettings(now);
      for (const warning of unheard.filter((line) => !told.has(line))) say(`! ${warning}`);
      [before, told] = [now, new Set(unheard)];
    },
    // The services say it.
    { warn: () => undefined },
  );
}

/** The settings in the file; null where they cannot be used. */
function readChanged(file: string): Environment | null {
  try {
    const text = readSettingsText(file);
    return text === null || text.trim() === '' ? null : parseSettingsText(text, file);
  } catch (error) {
    if (error instanceof ValidationError) return null;
    throw error;
  }
}

/** The name that the fewest edits make of this one, if they are few enough to be a slip. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((other) => ({ other, edits: editsBetween(name.toUpperCase(), other) }))
    .toSorted((a, b) => a.edits - b.edits);
  const [best] = ranked;
  return best !== undefined && best.edits <= Math.max(2, name.length / 3) ? best.other : undefined;
}

/** How many letters must be put in, taken out or replaced (Levenshtein). */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [i, letter] of one.split('').entries()) {
    const next = [i + 1];
    for (const [j, there] of other.split('').entries()) {
      const replaced = (row[j] ?? 0) + (letter === there ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
