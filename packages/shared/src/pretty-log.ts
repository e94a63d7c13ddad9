/** A log line as people read it: for a service that somebody started in a terminal, and for the supervisor that shows several. */
import { styleText } from 'node:util';
import { printable } from '@quorum/snapshot/printable';
import { z } from 'zod';

/** pino's levels, the least first. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = (typeof LEVELS)[number];

/** A line of JSON without a level is for machines (the sandbox says its URL so). */
const Line = z.looseObject({
  level: z.enum(LEVELS).default('info'),
  msg: z.string().default(''),
  time: z.string().default(''),
});
/** Fields that every line has and nobody reads here. */
const DULL = new Set(['level', 'time', 'pid', 'hostname', 'service', 'name', 'msg', 'v']);

const LONGEST = 400;

/** A line that was read: its level, and its message and fields on one line without control characters. */
export type LogWords = { readonly level: Level; readonly time: string; readonly text: string };

/** Reads a line of pino's JSON; undefined where it is none. */
export function readLogLine(line: string): LogWords | undefined {
  const entry = parse(line);
  if (entry === undefined) return undefined;
  const fields = Object.entries(entry)
    .filter(([key]) => !DULL.has(key))
    .map(([key, value]) => `${key}=${words(value)}`);
  return { level: entry.level, time: entry.time, text: printable([entry.msg, ...fields].join(' '), LONGEST) };
}

/** Whether a level is a warning or worse. */
export function isWarning(level: Level): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf('warn');
}

/** A line for a terminal: when, how bad, what. What is no log line is shown as it is, without its control characters. */
export function prettyLine(line: string): string {
  const read = readLogLine(line);
  if (read === undefined) return printable(line, LONGEST);
  const { level, time, text } = read;
  const head = `${printable(time.slice(11, 23), 12)} ${level.toUpperCase().padEnd(5)} ${text}`;
  if (!isWarning(level)) return head;
  return styleText(level === 'warn' ? 'yellow' : 'red', head);
}

/** Of an error only what it says: its stack is in the log file. */
const LoggedError = z.object({ type: z.string(), message: z.string(), stack: z.string() });

function words(value: unknown): string {
  const error = LoggedError.safeParse(value);
  if (error.success) return error.data.message;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function parse(line: string): z.infer<typeof Line> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const { data } = Line.safeParse(JSON.parse(line));
    return data;
  } catch {
    return undefined; // begins with a brace, and is no JSON
  }
}
