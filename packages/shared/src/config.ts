/**
 * Configuration: one zod schema per service, parsed once from the environment, units in the names. The pieces that several
 * services need are here.
 */
import { z } from 'zod';
import { ValidationError } from './errors.ts';
import { OwnerId } from './ids.ts';
import { readSecretFile } from './secret-file.ts';
import { managed, reloads, secret, type Reload } from './settings.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

/** A port to listen on; 0 takes any free one. */
export const Port = port;

/** `name=value` separated by commas, the values percent-encoded where need be: the form that OpenTelemetry gave its variable. */
const HeaderList = z.string().transform((text, context): Record<string, string> => {
  const pairs = text
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair) => /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*([\x20-\x7e]*?)\s*$/.exec(pair));
  try {
    return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', decodeURIComponent(pair?.[2] ?? '%')]));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    context.issues.push({ code: 'custom', message: 'is not name=value, separated by commas', input: text });
    return z.NEVER;
  }
});

/** Of a `REDIS_URL`, whether it names one Redis or a cluster. */
export const REDIS_PROTOCOL = /^rediss?(\+cluster)?$/;

/** What every service needs. */
export const CommonConfig = z.object({
  REDIS_URL: z
    .url({ protocol: REDIS_PROTOCOL })
    .default('redis://127.0.0.1:6379')
    .describe('The Redis that holds queues and records; of a cluster any node, as redis+cluster://HOST:PORT'),
  REDIS_PASSWORD_FILE: z.string().optional().describe('File with the Redis password, where REDIS_URL holds none'),
  LOG_LEVEL: reloads(
    'job',
    z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info').describe('The lowest level that is logged'),
  ),
  HOST: managed(z.string().default('127.0.0.1').describe('The address that the HTTP server listens on')),
  SHUTDOWN_TIMEOUT_S: z.coerce
    .number()
    .positive()
    .max(3_600)
    .default(20)
    .describe('Seconds that work under way has to end at shutdown. Compose ends a container after 30'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'Where traces are sent: the base address of an OpenTelemetry collector that takes OTLP over HTTP. Unset: no traces',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    HeaderList.optional().describe('Headers for that collector, such as its key: name=value, separated by commas'),
  ),
  HEARTBEAT_S: reloads(
    'job',
    z.coerce
      .number()
      .min(0.1)
      // Three of them and a second are missed before a record is forgotten, which is after a minute.
      .max(15)
      .default(2)
      .describe('Seconds between the signs of life of a process; it is missed after three of them and a second'),
  ),
});

/** What every worker needs beside it. */
export const WorkerConfig = CommonConfig.extend({
  METRICS_PORT: managed(port(0).describe('Port of the metrics and health server; 0 takes any free one')),
  CONCURRENCY: reloads(
    'job',
    z.coerce.number().int().min(1).max(500).default(20).describe('Jobs worked on at once by one process'),
  ),
  JOB_LOCK_S: z.coerce
    .number()
    .min(1)
    .max(600)
    .default(30)
    .describe('Seconds after which the jobs of a worker that vanished are taken back'),
  UPSTREAM_PING_S: reloads(
    'job',
    z.coerce
      .number()
      .min(0)
      .max(3_600)
      .default(5)
      .describe(
        'Seconds after which the hub, the sequencer or the model is pinged where nothing was asked of it; 0: never, and then its health is unknown while nothing is',
      ),
  ),
});

/**
 * How often and how soon a run and a decision are tried again, for whoever adds their jobs. The names are the seed's, in upper
 * case. Votes are bounded by time alone.
 */
export const retryShape = <R extends Reload>(when: R) => ({
  MAX_RETRY_ATTEMPTS: reloads(
    when,
    z.coerce.number().int().min(1).max(20).default(3).describe('Attempts of a run and of a decision'),
  ),
  RETRY_DELAY_SECONDS: reloads(
    when,
    z.coerce.number().min(0.01).max(600).default(5).describe('Seconds before the second attempt; the wait grows'),
  ),
});

/** Snapshot's hub: where proposals and votes are read. */
export const HubConfig = z.object({
  SNAPSHOT_HUB_URL: z.url().describe("GraphQL address of Snapshot's hub, where proposals and votes are read"),
  SNAPSHOT_API_KEY: secret(z.string().optional().describe('Key that raises the rate limit of the hub')),
  PROPOSAL_FETCH_TIMEOUT: reloads(
    'run',
    z.coerce.number().positive().max(600).default(30).describe('Seconds that one request to the hub may take'),
  ),
});

/** When it is too late for a vote. */
export const DeadlineConfig = z.object({
  MIN_TIME_TO_VOTE_S: reloads(
    'run',
    z.coerce
      .number()
      .int()
      .min(0)
      .default(120)
      .describe(
        'A proposal that closes in less than this many seconds is not started, no model is asked about it, and no vote on it is begun',
      ),
  ),
});

/** Where the owners' preferences are, and what holds where they say nothing. */
export const PreferencesConfig = z.object({
  PREFERENCES_STORE: z
    .enum(['file', 'redis'])
    .default('file')
    .describe('Where preferences are kept: in files on this machine, or in Redis, for compose and more than one host'),
  PREFERENCES_DIR: managed(
    z.string().default('.data/owners').describe('Folder with one folder per owner, each with user_preferences.txt'),
  ),
  PREFERENCES_MAC_KEY_FILE: managed(
    z
      .string()
      .optional()
      .describe('Key by which preferences in Redis are known to be ours; must be set with PREFERENCES_STORE=redis'),
  ),
  // Not kept by the run's settings but by its opening, with the owner's own words: when votes are cast the stricter of then and
  // now holds, and what Redis says can only tighten it.
  DEFAULT_CONFIDENCE_THRESHOLD: reloads(
    'job',
    z.coerce
      .number()
      .min(0)
      .max(1)
      .default(0.7)
      .describe('Confidence below which a vote is unsure, where the owner set none'),
  ),
  MAX_PROPOSALS_PER_RUN: reloads(
    'job',
    z.coerce.number().int().min(1).max(10).default(3).describe('Proposals per run, where the owner set no number'),
  ),
});

/** The owner that a request without an owner of its own acts for. */
export const OwnerConfig = z.object({
  OWNER_ID: OwnerId.prefault('owner').describe('The owner for whom the API acts: small letters, digits and hyphens'),
});

/**
 * Parses the environment. An empty variable counts as unset, as in an `.env` with the value left out. Throws a
 * `ValidationError` that names every setting that is wrong, with its value's rule but never its value.
 */
export function parseConfig<S extends z.ZodType>(
  schema: S,
  env: Readonly<Record<string, string | undefined>>,
): z.output<S> {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  // Of each setting one issue, and of its path the name alone: what lies deeper, and the names of unknown fields, are pieces of
  // its value.
  const byName = Map.groupBy(parsed.error.issues, (issue) => String(issue.path[0] ?? ''));
  const issues = [...byName].map(([path, [first]]) => ({
    path,
    message: first?.code === 'unrecognized_keys' ? 'has fields that are not known' : (first?.message ?? ''),
  }));
  const lines = issues.map((issue) => `  ${issue.path}: ${issue.message}`).join('\n');
  throw new ValidationError(`The configuration does not fit. Mend these settings and start again:\n${lines}`, issues);
}

/** The address of Redis with the password of REDIS_PASSWORD_FILE, if there is one. */
export function redisUrl(config: {
  readonly REDIS_URL: string;
  readonly REDIS_PASSWORD_FILE?: string | undefined;
}): string {
  if (config.REDIS_PASSWORD_FILE === undefined) return config.REDIS_URL;
  const url = new URL(config.REDIS_URL);
  // The setter leaves a % alone, and whoever reads the URL would take it for the start of an escape.
  url.password = encodeURIComponent(readSecretFile(config.REDIS_PASSWORD_FILE));
  return url.toString();
}

/** Hosts behind which nothing real stands: this machine, and compose's sandbox. */
const NOT_LIVE = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|sandbox)$/;

/** Whether an upstream is the real thing. Anything that is not plainly local is. */
export function isLive(url: string): boolean {
  return !NOT_LIVE.test(new URL(url).hostname);
}
