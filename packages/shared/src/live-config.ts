/**
 * The configuration of a service while it runs. It is one object that a reload replaces whole:
 *
 *   `.env` changed, or SIGHUP ──▶ read and parse everything ──┬─ it fits ──▶ what may change is swapped; what may not is told
 *                                                             └─ it does not ──▶ the old values stay, the setting is named
 *
 * What may change is read through `now` at the start of a job or request, or through `forRun`, which keeps for a run what its
 * first job in this service found: half of a run's proposals are never decided by other models than the rest.
 */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import {
  layer,
  parseLayered,
  parseSettingsText,
  readSettingsText,
  show,
  type Environment,
  type Layered,
  type Layers,
  type RawSettings,
  type ShownSetting,
} from './config-layers.ts';
import { parseConfig } from './config.ts';
import { QuorumError, ValidationError } from './errors.ts';
import { keepFresh, type KeepFreshOptions, type Reloaded } from './keep-fresh.ts';
import type { PinnedSettings, Records, RunRecord } from './records.ts';
import { settingsOf, type Fixed, type PerJob, type PerRun, type Setting } from './settings.ts';

/** For who belongs to no run, or to one of which nothing hangs on how this service is set. */
export const KEEP_NOTHING: Pick<Records, 'pinSettings'> = { pinSettings: async (_run, _service, settings) => settings };

export type LiveConfig<S extends z.ZodObject> = {
  readonly service: string;
  /** What only a restart changes. */
  readonly fixed: Fixed<S>;
  /** What each job or request takes anew, as it is at this moment. */
  now(): PerJob<S>;
  /** What a run that begins now keeps: for whoever pins it in the step in which the run begins, or is read. */
  toKeep(): PinnedSettings;
  /**
   * What the run keeps: as it stands in its record, or as it is now, which is written there. Costs a round trip to Redis where nothing
   * stood there yet, and none otherwise.
   */
  forRun(run: Pick<RunRecord, 'runId' | 'settings'>, records: Pick<Records, 'pinSettings'>): Promise<PerRun<S>>;
  /** Every effective value and its source, fit to be shown. */
  show(): Record<string, ShownSetting>;
  /** The values of the secret settings, so that no log line shows one. */
  secrets(): readonly string[];
  reload(): Reloaded;
  /** Reloads when the file changes and on SIGHUP, until it is closed. `onApplied` is for what must be told of a change. */
  keepFresh(options: KeepFreshOptions): { close(): Promise<void> };
};

/** Where settings come from. */
export type ConfigSources = {
  readonly env: Environment;
  /** The settings file; null: none. It need not be there yet. */
  readonly file: string | null;
};

/** Parses the settings of a service. Throws a `ValidationError` that names each one that is wrong, with no value. */
export function liveConfig<S extends z.ZodObject>(
  service: string,
  schema: S,
  { env, file }: ConfigSources,
): LiveConfig<S> {
  const settings = settingsOf(schema);
  const namesOf = (has: (setting: Setting) => boolean): readonly string[] =>
    settings.filter(has).map(({ name }) => name);
  const perRun = namesOf((setting) => setting.reload === 'run');
  const changing = namesOf((setting) => setting.reload !== null);
  const staying = namesOf((setting) => setting.reload === null);
  const readText = (): string | null => (file === null ? null : readSettingsText(file));
  const parse = (of: string | null): Environment => (file === null || of === null ? {} : parseSettingsText(of, file));

  let text = readText();
  let fromFile = parse(text);
  let current = layer(schema, fromFile, env);
  const fixed: Fixed<S> = current.config;

  function reload(): Reloaded {
    const [before, old] = [fromFile, current];
    let wanted: Layered<S>;
    try {
      const newText = readText();
      // A file that vanished says nothing; taken for one without settings it would reset them all.
      if (newText === null && text !== null) throw new ValidationError(`The settings file ${file} is gone.`);
      text = newText;
      // So does one that an editor emptied and has not written yet, or on a full disk cannot write.
      if (newText?.trim() === '' && Object.keys(fromFile).length > 0) {
        throw new ValidationError(`The settings file ${file} is empty. To set nothing, put a comment into it.`);
      }
      const newSettings = parse(newText);
      wanted = layer(schema, newSettings, env);
      current = parseLayered(schema, mix([wanted, changing], [old, staying]));
      fromFile = newSettings;
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      return { kind: 'invalid', error };
    }
    return {
      kind: 'valid',
      applied: differing(settings, old, current),
      needRestart: differing(settings, current, wanted),
      overruled: namesOf(({ name }) => env[name] !== undefined && before[name] !== fromFile[name]),
    };
  }

  const toKeep = (): PinnedSettings => pick(current.raw, perRun);

  async function forRun(run: Pick<RunRecord, 'runId' | 'settings'>, records: Pick<Records, 'pinSettings'>) {
    const { raw, config } = current;
    const now = toKeep();
    const kept = run.settings.get(service) ?? (await records.pinSettings(run.runId, service, now));
    if (isDeepStrictEqual(kept, now)) return config;
    try {
      return parseConfig(schema, {
        ...pick(
          raw,
          namesOf((setting) => setting.reload !== 'run'),
        ),
        ...pick(kept, perRun),
      });
    } catch (cause) {
      throw new QuorumError('internal', 'The settings that the run began with cannot be used.', { cause });
    }
  }

  return {
    service,
    fixed,
    now: () => current.config,
    toKeep,
    forRun,
    show: () => show(schema, current),
    secrets() {
      const names = namesOf(({ secret }) => secret);
      const read = new Map<string, unknown>(Object.entries(current.config));
      // As they are written and as they are read: of a list of headers each of its values.
      return [...Object.values(pick(current.raw, names)), ...names.flatMap((name) => textsIn(read.get(name)))].filter(
        (value) => value !== undefined,
      );
    },
    reload,
    keepFresh(options) {
      return keepFresh(file, options, { reload, hasChanged: () => hasChanged(readText, text) });
    },
  };
}

/** Every text in the value of a setting. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** The settings of the first with these names, and of the second with those. */
function mix(...parts: readonly (readonly [Layers, readonly string[]])[]): Layers {
  return {
    raw: Object.assign({}, ...parts.map(([{ raw }, names]) => pick(raw, names))),
    sources: new Map(parts.flatMap(([{ sources }, names]) => [...sources].filter(([name]) => names.includes(name)))),
  };
}

function pick(raw: RawSettings, names: readonly string[]): RawSettings {
  return Object.fromEntries(Object.entries(raw).filter(([name]) => names.includes(name)));
}

/** The names of the settings whose values differ. */
function differing<S extends z.ZodObject>(settings: readonly Setting[], one: Layered<S>, other: Layered<S>): string[] {
  const [a, b] = [one, other].map(({ config }) => new Map<string, unknown>(Object.entries(config)));
  return settings.map(({ name }) => name).filter((name) => !isDeepStrictEqual(a?.get(name), b?.get(name)));
}

/** Whether the file says something else than it last did. One that cannot be read does. */
function hasChanged(read: () => string | null, last: string | null): boolean {
  try {
    return read() !== last;
  } catch {
    return true; // the reload will say why
  }
}
