/**
 * What `npm start` shall do, from the command line and the environment: which upstreams, what the sandbox stands in for, which
 * folders. Nothing live is ever mixed with what was made for the sandbox: keys, Redis data and the switch that enables voting
 * each have a folder of their own per mode.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isLive, REDIS_PROTOCOL } from '@quorum/shared/config';
import type { Environment } from '@quorum/shared/config-layers';
import { OwnerId } from '@quorum/shared/ids';
import { z } from 'zod';

/** The sandbox's space, seeded anew on each of its starts. */
export const DEMO_SPACE = 'quorum-demo.eth';

export interface StartOptions {
  /** End after the run. */
  readonly once: boolean;
  /** Print the result as one line of JSON. */
  readonly json: boolean;
  /** Show the services' whole logs. */
  readonly verbose: boolean;
}

/** Where settings come from. */
export interface SettingSources {
  /** The environment alone. */
  readonly env: NodeJS.ProcessEnv;
  /** What the file says. */
  readonly file: Environment;
  /** Where the file is, or will be; null: none is read. */
  readonly path: string | null;
}

/** An upstream that the operator configured, or the sandbox in its place. */
export type Upstream =
  | { readonly kind: 'sandbox' }
  | { readonly kind: 'given'; readonly url: string; readonly live: boolean };

/** What everybody needs who works on the same data: the services' start, and each command of the operator's. */
export interface CommonSettings {
  readonly owner: OwnerId;
  /** Hub and sequencer; both or neither. */
  readonly snapshot:
    | { readonly kind: 'sandbox' }
    | { readonly kind: 'given'; hub: string; sequencer: string; live: boolean };
  /** A Redis of the operator's. */
  readonly redisUrl: string | undefined;
  readonly folders: {
    /** All others are in it. */
    readonly data: string;
    readonly secrets: string;
    readonly redis: string;
    readonly owners: string;
    readonly evidence: string;
    readonly logs: string;
    readonly run: string;
  };
}

export interface StartSettings extends CommonSettings {
  readonly model: Upstream;
  readonly gatewayPort: number;
}

/** Settings that contradict each other, or a wrong command line. The message says what to change. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

export function parseOptions(args: readonly string[]): StartOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { once: { type: 'boolean' }, json: { type: 'boolean' }, verbose: { type: 'boolean' } },
    });
    return { once: values.once ?? false, json: values.json ?? false, verbose: values.verbose ?? false };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingsError(`${why}\nKnown: npm start -- [--once] [--json] [--verbose]`);
  }
}

const Url = z.url({ protocol: /^https?$/, error: 'must be a http(s) URL' }).optional();
const CommonEnvironment = z.object({
  OWNER_ID: OwnerId.default(OwnerId.parse('owner')),
  SNAPSHOT_HUB_URL: Url,
  SNAPSHOT_SEQUENCER_URL: Url,
  REDIS_URL: z.url({ protocol: REDIS_PROTOCOL, error: 'must be a redis:// URL' }).optional(),
});
const StartEnvironment = CommonEnvironment.extend({
  OPENAI_BASE_URL: Url,
  PORT: z.coerce.number().int().min(1).max(65_535).default(3000),
});

/** @param dataDir the folder for everything that is kept, `.data` normally. */
export function readSettings(env: NodeJS.ProcessEnv, dataDir: string): StartSettings {
  const { OPENAI_BASE_URL, PORT, ...rest } = parseEnvironment(StartEnvironment, env);
  const common = commonSettings(rest, dataDir);
  if (common.snapshot.kind === 'given' && OPENAI_BASE_URL === undefined) {
    // The sandbox's model is a stand-in: it never decides where a Snapshot of the operator's is asked.
    throw new SettingsError('Set OPENAI_BASE_URL too (OpenAI: https://api.openai.com/v1) and its OPENAI_API_KEY.');
  }
  const model: Upstream =
    OPENAI_BASE_URL === undefined
      ? { kind: 'sandbox' }
      : { kind: 'given', url: OPENAI_BASE_URL, live: isLive(OPENAI_BASE_URL) };
  return { ...common, model, gatewayPort: PORT };
}

/** The part of it that commands need which start nothing: they also run where no model is known, as in compose's voter. */
export function readCommonSettings(env: NodeJS.ProcessEnv, dataDir: string): CommonSettings {
  return commonSettings(parseEnvironment(CommonEnvironment, env), dataDir);
}

function parseEnvironment<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv): T {
  // `NAME=` in a file means: not set.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new SettingsError(`The settings are not right:\n${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function commonSettings(
  { OWNER_ID, SNAPSHOT_HUB_URL: hub, SNAPSHOT_SEQUENCER_URL: sequencer, REDIS_URL }: z.infer<typeof CommonEnvironment>,
  dataDir: string,
): CommonSettings {
  if ((hub === undefined) !== (sequencer === undefined)) {
    throw new SettingsError('Set both SNAPSHOT_HUB_URL and SNAPSHOT_SEQUENCER_URL, or neither (for the sandbox).');
  }
  const snapshot: CommonSettings['snapshot'] =
    hub === undefined || sequencer === undefined
      ? { kind: 'sandbox' }
      : { kind: 'given', hub, sequencer, live: isLive(hub) || isLive(sequencer) };
  const kept = snapshot.kind === 'given' && snapshot.live ? dataDir : path.join(dataDir, 'sandbox');
  return {
    owner: OWNER_ID,
    snapshot,
    redisUrl: REDIS_URL,
    folders: {
      data: dataDir,
      secrets: path.join(kept, 'secrets'),
      redis: path.join(kept, 'redis-data'),
      owners: path.join(kept, 'owners'),
      evidence: path.join(kept, 'evidence'),
      logs: path.join(dataDir, 'logs'),
      run: path.join(dataDir, 'run'),
    },
  };
}

/** Whether a vote of this start would be a real one. Then no run is sent, and voting is not enabled, by itself. */
export function isLiveRun({ snapshot }: CommonSettings): boolean {
  return snapshot.kind === 'given' && snapshot.live;
}
