/**
 * Where a setting's value comes from: default < settings file (`.env`) < environment. A name that the environment holds empty is
 * left out on purpose: the default applies, whatever the file says. A service keeps the settings of its own schema alone, so that
 * a key in the file stays with the service that needs it.
 */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { z } from 'zod';
import { parseConfig } from './config.ts';
import { ValidationError } from './errors.ts';
import { settingsOf } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Source = 'default' | 'file' | 'environment';

/** The values that were set, as text, by name. */
export type RawSettings = Readonly<Record<string, string>>;

/** What was set, and where. */
export type Layers = { readonly raw: RawSettings; readonly sources: ReadonlyMap<string, Source> };

/** The same, parsed. */
export type Layered<S extends z.ZodObject> = Layers & { readonly config: z.output<S> };

/**
 * The settings in the text of a file. Throws a `ValidationError` that names each line that is none of NAME=value, and says
 * nothing of what stands there. The parser would pass over such a line, or take the lines up to the next quote for a value: a
 * threshold that the operator wrote would then silently be another.
 */
export function parseSettingsText(text: string, file: string): Environment {
  // Windows editors put a mark before the first name, which would then be another name.
  const settings = text.replace(/^\uFEFF/, '');
  const issues = settings.split(/\r\n|\r|\n/).flatMap((line, index) => {
    const message = faultIn(line);
    return message === null ? [] : [{ path: `line ${index + 1}`, message }];
  });
  if (issues.length === 0) return parseEnv(settings);
  const lines = issues.map(({ path, message }) => `  ${path}: ${message}`).join('\n');
  throw new ValidationError(
    `The settings file ${file} does not fit. Mend these lines and start again:\n${lines}`,
    issues,
  );
}

const SETTING = /^\s*(?:export\s+)?[A-Za-z_]\w*\s*=\s*(?<value>.*)$/;
const QUOTED = /^(["'`])(?:(?!\1).)*\1\s*(?:#.*)?$/;

/** What is wrong with one line of a settings file; null: nothing. */
function faultIn(line: string): string | null {
  if (/^\s*(?:#|$)/.test(line)) return null;
  const value = SETTING.exec(line)?.groups?.['value'];
  if (value === undefined) return 'is not NAME=value';
  if (!/^["'`]/.test(value)) {
    return /[^\s#]#/.test(value) ? 'has a # in its value, which needs quotes: a comment begins there' : null;
  }
  return QUOTED.test(value) ? null : 'has a quote that is not closed at the end of the line';
}

/** The text of the settings file; null where there is none. Throws a `ValidationError` where it cannot be read. */
export function readSettingsText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return null;
    throw new ValidationError(`The settings file ${file} cannot be read (${String(code)}). Mend it and start again.`);
  }
}

/** Puts file and environment over the defaults. Throws a `ValidationError` that names each setting that is wrong. */
export function layer<S extends z.ZodObject>(schema: S, file: Environment, env: Environment): Layered<S> {
  const raw: Record<string, string> = {};
  const sources = new Map<string, Source>();
  for (const name of Object.keys(schema.shape)) {
    const source = env[name] !== undefined ? 'environment' : 'file';
    const value = env[name] ?? file[name] ?? '';
    sources.set(name, value === '' ? 'default' : source);
    if (value !== '') raw[name] = value;
  }
  return parseLayered(schema, { raw, sources });
}

/** Parses what was set. Throws a `ValidationError` that names each setting that is wrong. */
export function parseLayered<S extends z.ZodObject>(schema: S, layers: Layers): Layered<S> {
  return { ...layers, config: parseConfig(schema, layers.raw) };
}

/** One setting as it is shown. */
export type ShownSetting = { readonly value: unknown; readonly source: Source };

/** The effective values with their sources, fit to be shown to anybody: no secret, no password in a URL. */
export function show<S extends z.ZodObject>(schema: S, { config, sources }: Layered<S>): Record<string, ShownSetting> {
  const values = new Map<string, unknown>(Object.entries(config));
  return Object.fromEntries(
    settingsOf(schema).map(({ name, secret }) => {
      const value = values.get(name);
      const shown = secret && value !== undefined ? MASK : mask(value);
      return [name, { value: shown ?? null, source: sources.get(name) ?? 'default' }];
    }),
  );
}

const MASK = '***';

/** A value without what a URL in it may hold of a secret: user, password, and what stands behind the question mark. */
function mask(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(mask);
  if (typeof value !== 'string' || !URL.canParse(value)) return value;
  const url = new URL(value);
  if (url.username === '' && url.password === '' && url.search === '') return value;
  if (url.username !== '') url.username = MASK;
  if (url.password !== '') url.password = MASK;
  for (const name of new Set(url.searchParams.keys())) url.searchParams.set(name, MASK);
  return url.href;
}
