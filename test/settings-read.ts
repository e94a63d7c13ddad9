/**
 * Which settings a service reads: those that a module in reach of its `main.ts` names as `something.NAME`, in code. A setting that
 * nobody reads misleads whoever sets it. What is in reach but never called, the gate for dead code finds.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

/** The names, in capitals, that the modules in reach of this one read. `root` holds `packages/`. */
export async function settingsRead(main: string, root: string): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  const read = new Set<string>();
  const waiting = [main];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const text = await readFile(file, 'utf8');
    for (const specifier of imports(text)) {
      const next = moduleOf(specifier, file, root);
      if (next !== null) waiting.push(next);
    }
    for (const [, name] of codeOf(text).matchAll(/(?<!\bshape)\s*\??\.\s*([A-Z][A-Z0-9_]{2,}|PORT)\b/g)) {
      if (name !== undefined) read.add(name);
    }
  }
  return read;
}

/** Imports that bring code along: a type reads nothing. */
function imports(text: string): string[] {
  const found = [...text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?['"]([^'"\n]+)['"];/gm)];
  return found.flatMap(([, specifier]) => (specifier === undefined ? [] : [specifier]));
}

function moduleOf(specifier: string, from: string, root: string): string | null {
  if (specifier.startsWith('.')) return path.resolve(path.dirname(from), specifier);
  const [, name] = /^@quorum\/shared\/(.+)$/.exec(specifier) ?? [];
  return name === undefined ? null : path.join(root, 'packages/shared/src', `${name}.ts`);
}

/** The code of a module: no comment, no text of a string; of a template what it calls for. */
function codeOf(text: string): string {
  let code = '';
  /** Of each template that we are in, how many braces are open in what it calls for. */
  const templates: number[] = [];
  const skip = (from: number, end: RegExp): number => {
    end.lastIndex = from;
    return end.exec(text) === null ? text.length : end.lastIndex;
  };
  const template = (from: number): number => {
    const next = skip(from, /(?:[^\\`$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y);
    if (text[next - 1] === '{') templates.push(0);
    return next;
  };
  for (let at = 0; at < text.length;) {
    const two = text.slice(at, at + 2);
    const letter = text.charAt(at);
    if (two === '//') at = skip(at, /\n/g);
    else if (two === '/*') at = skip(at, /\*\//g);
    else if (letter === "'" || letter === '"')
      at = skip(at + 1, letter === "'" ? /(?:[^\\'\n]|\\.)*['\n]/y : /(?:[^\\"\n]|\\.)*["\n]/y);
    else if (letter === '`') at = template(at + 1);
    else if (letter === '}' && templates.at(-1) === 0) {
      templates.pop();
      at = template(at + 1);
    } else {
      const inner = templates.pop();
      if (inner !== undefined) templates.push(inner + (letter === '{' ? 1 : 0) - (letter === '}' ? 1 : 0));
      code += letter;
      at += 1;
    }
  }
  return code;
}
