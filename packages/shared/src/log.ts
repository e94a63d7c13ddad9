/**
 * Logging: one JSON line an event, a constant message and fields. A logger is made in `main.ts` and passed in; parts scope it
 * with `child`.
 */
import { pino, stdSerializers, type Logger } from 'pino';

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

/** The logger of a service; writes to standard output. */
export function createLogger(service: string, level: string): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED, censor: '[redacted]' },
    serializers: { err: (error: unknown) => serializeError(error), error: (error: unknown) => serializeError(error) },
    formatters: { level: (label: string) => ({ level: label }) },
  };
  // Written at once: pino's own default writes behind, and process.exit() then turned the last lines round.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
