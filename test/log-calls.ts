/** The calls of loggers in the sources of the services: which messages they write, and at which level. */
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

/** A line of a log as a source writes it; `message` is null where it is not a constant. */
export type LogCall = { readonly file: string; readonly level: string; readonly message: string | null };

const CALL = /\b(?:log|scoped)\??\.(trace|debug|info|warn|error|fatal)\(/g;
const LAST_TEXT = /(?:^|[,(]\s*)(['"])((?:(?!\1)[^\\\n]|\\.)*)\1,?\s*$/;

/** Every call in the modules below these folders, tests left out. */
export async function logCalls(root: string, folders: readonly string[]): Promise<LogCall[]> {
  const calls: LogCall[] = [];
  for (const folder of folders) {
    for (const name of await readdir(path.join(root, folder), { recursive: true })) {
      if (!name.endsWith('.ts') || name.endsWith('.test.ts')) continue;
      const file = path.join(folder, name);
      calls.push(...callsIn(file, await readFile(path.join(root, file), 'utf8')));
    }
  }
  return calls;
}

/** The calls in one source. */
export function callsIn(file: string, source: string): LogCall[] {
  return [...source.matchAll(CALL)].map((match): LogCall => {
    const [, level = ''] = match;
    const [, , message = null] = LAST_TEXT.exec(argumentsAt(source, match.index + match[0].length)) ?? [];
    return { file, level, message };
  });
}

/** What stands between the bracket that is open here and the one that closes it. */
function argumentsAt(source: string, from: number): string {
  let depth = 1;
  let at = from;
  for (; at < source.length && depth > 0; at += 1) {
    const letter = source.charAt(at);
    if ('([{'.includes(letter)) depth += 1;
    else if (')]}'.includes(letter)) depth -= 1;
  }
  return source.slice(from, at - 1);
}
