/**
 * Configuration: one zod schema per service, parsed once from the environment, units in the names. The pieces that several
 * services need are here.
 */
import { z } from 'zod';
import { ValidationError } from './errors.ts';
import { OwnerId } from './ids.ts';
import { readSecretFile } from './secret-file.ts';

const port = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback);

/** A port to listen on; 0 takes any free one. */
export const Port = port;

/** What every service needs. */
export const CommonConfig = z.object({
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .default('redis://127.0.0.1:6379')
    .describe('The Redis that holds queues and records'),
  REDIS_PASSWORD_FILE: z.string().optional().describe('File with the Redis password, where REDIS_URL holds none'),
  ALLOW_LOSSY_REDIS: z
    .stringbool()
    .default(false)
    .describe('Vote on a live Snapshot although Redis may lose acknowledged writes or may evict keys'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The lowest level that is logged'),
  HOST: z.string().default('127.0.0.1').describe('The address that the HTTP server listens on'),
  SHUTDOWN_TIMEOUT_S: z.coerce
    .number()
    .positive()
    .default(20)
    .describe('Seconds that work under way has to end at shutdown'),
});
export type CommonConfig = z.infer<typeof CommonConfig>;

/** What every worker needs beside it. The names of the retry settings are the seed's, in upper case. */
export const WorkerConfig = CommonConfig.extend({
  METRICS_PORT: port(0).describe('Port of the metrics and health server; 0 takes any free one'),
  CONCURRENCY: z.coerce.number().int().min(1).max(500).default(20).describe('Jobs worked on at once by one process'),
  JOB_LOCK_S: z.coerce
    .number()
    .min(1)
    .max(600)
    .default(30)
    .describe('Seconds after which the jobs of a worker that vanished are taken back'),
  MAX_RETRY_ATTEMPTS: z.coerce.number().int().min(1).max(20).default(3).describe('Attempts of a run and of a decision'),
  RETRY_DELAY_SECONDS: z.coerce
    .number()
    .min(0.01)
    .max(600)
    .default(5)
    .describe('Seconds before the second attempt; it grows'),
});
export type WorkerConfig = z.infer<typeof WorkerConfig>;

/** Snapshot's hub: where proposals and votes are read. */
export const HubConfig = z.object({
  SNAPSHOT_HUB_URL: z.url().describe("GraphQL address of Snapshot's hub"),
  SNAPSHOT_API_KEY: z.string().optional().describe('Key that raises the rate limit of the hub'),
  PROPOSAL_FETCH_TIMEOUT: z.coerce
    .number()
    .positive()
    .default(30)
    .describe('Seconds that one request to the hub may take'),
});

/** Where the owners' preferences are. */
export const PreferencesConfig = z.object({
  PREFERENCES_STORE: z
    .enum(['file', 'redis'])
    .default('file')
    .describe('Where preferences are kept: in files on this machine, or in Redis, for compose and more than one host'),
  PREFERENCES_DIR: z
    .string()
    .default('.data/owners')
    .describe('Folder with one folder per owner, each with user_preferences.txt'),
  DEFAULT_CONFIDENCE_THRESHOLD: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe('Threshold where the owner set none'),
  MAX_PROPOSALS_PER_RUN: z.coerce
    .number()
    .int()
    .min(1)
    .max(10)
    .default(3)
    .describe('Proposals per run where the owner set no number'),
});

/** The owner that a request without an owner of its own acts for. */
export const OwnerConfig = z.object({ OWNER_ID: OwnerId.prefault('owner') });

/**
 * Parses the environment. An empty variable counts as unset, as in an `.env` with the value left out. Throws a
 * `ValidationError` that names every setting that is wrong, with its value's rule but never its value.
 */
export function parseConfig<T>(schema: z.ZodType<T>, env: Readonly<Record<string, string | undefined>>): T {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const parsed = schema.safeParse(set);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const lines = issues.map((issue) => `  ${issue.path}: ${issue.message}`).join('\n');
  throw new ValidationError(`The configuration does not fit. Mend these settings and start again:\n${lines}`, issues);
}

/** REDIS_URL with the password of REDIS_PASSWORD_FILE, if there is one. */
export function redisUrl(config: Pick<CommonConfig, 'REDIS_URL' | 'REDIS_PASSWORD_FILE'>): string {
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
