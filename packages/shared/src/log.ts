/**
 * Logging: one JSON line an event, a constant message and fields. A logger is made in `main.ts` and passed in; parts scope it
 * with `child`.
 */
import { pino, stdSerializers, type Logger } from 'pino';
import { prettyLine } from './pretty-log.ts';
import { CENSOR, redactor } from './redact.ts';
import { traceFields } from './trace-context.ts';

export type { Logger };

/** Fields that must never reach a log, wherever a library may have put them: by our names, as settings, as headers. */
const SECRET_FIELDS = [
  'password',
  'private_key',
  'passphrase',
  'api_key',
  'authorization',
  'OPENAI_API_KEY',
  'SNAPSHOT_API_KEY',
  'REDIS_URL',
];
const SECRET_HEADERS = ['authorization', 'cookie', 'set-cookie', 'x-api-key'];

const REDACTED = [
  ...SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]),
  ...SECRET_HEADERS.flatMap((name) => [`headers["${name}"]`, `*.headers["${name}"]`]),
];

/** Causes deeper than this say nothing new, and may be a circle. */
const MAX_CAUSES = 5;

/** What is logged of an error. Redis errors carry the whole command, arguments and scripts included: those are left out. */
export function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = stdSerializers.err(error);
  return {
    type,
    message,
    stack,
    ...('category' in error ? { category: error.category } : {}),
    ...('code' in error ? { code: error.code } : {}),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: serializeError(error.cause, depth + 1) }),
  };
}

export type LoggerOptions = {
  /** What the service was given as secret settings; taken out wherever it would stand. */
  readonly secrets?: readonly string[];
  /** Whether somebody reads along in a terminal. A pipe or a file gets JSON. */
  readonly terminal?: boolean;
  /** The file that it writes to; standard output where absent. */
  readonly fd?: number;
};

/** The logger of a service; writes to standard output. */
export function createLogger(
  service: string,
  level: string,
  { secrets = [], fd = 1, terminal = fd === 1 && process.stdout.isTTY }: LoggerOptions = {},
): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: CENSOR },
    // Asked for each line: a logger is made once, and its lines are written in many places of many traces.
    mixin: () => ({ ...traceFields() }),
    serializers: { err: (error: unknown) => serializeError(error), error: (error: unknown) => serializeError(error) },
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: redactor(secrets) },
  };
  // Written at once: pino's own default writes behind, and process.exit() then turned the last lines round.
  const lines = pino.destination({ dest: fd, sync: true });
  return pino(options, terminal ? { write: (line) => void lines.write(`${prettyLine(line)}\n`) } : lines);
}
