/**
 * The settings file, `.env` beside the README unless QUORUM_ENV_FILE names another (empty: none). It is read here for what
 * `npm start` decides by itself. The services read it themselves, so that a change reaches them while they run.
 */
import path from 'node:path';
import { parseSettingsText, readSettingsText, type Environment } from '@quorum/shared/config-layers';
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
const COMPOSE = /^(COMPOSE|DOCKER|QUORUM)_/;

/** For each name in the file that no service has: what to tell the operator, with the nearest name that there is. */
export function unknownSettings(file: Environment): string[] {
  const known = allSettings().map(({ name }) => name);
  return Object.keys(file)
    .filter((name) => !known.includes(name) && !COMPOSE.test(name))
    .map((name) => {
      const near = nearest(name, known);
      return `The settings file sets ${name}, which nothing reads.${near === undefined ? '' : ` Did you mean ${near}?`}`;
    });
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
