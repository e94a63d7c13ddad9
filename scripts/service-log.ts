/** The log lines of the services (pino's JSON, or plain text of a crash) as people read them in a terminal. */
import { styleText } from 'node:util';
import { printable } from '@quorum/snapshot/printable';
import { z } from 'zod';
import type { Style } from './terminal.ts';

/** pino's levels, the least first. */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
const rank = (level: (typeof LEVELS)[number]): number => LEVELS.indexOf(level);

/** A line of JSON without a level is for machines (the sandbox says its URL so). */
const Line = z.looseObject({ level: z.enum(LEVELS).default('info'), msg: z.string().default('') });
/** Fields that every line has and nobody reads here. */
const DULL = new Set(['level', 'time', 'pid', 'hostname', 'service', 'name', 'msg', 'v']);

const COLOURS = ['cyan', 'magenta', 'blue', 'green', 'yellow'] as const satisfies readonly Style[];

export interface LogView {
  readonly colour: boolean;
  /** Show everything; else only warnings and worse. */
  readonly verbose: boolean;
}

/** Makes the function that turns one line of a service's output into the line to show, or undefined for none. */
export function logFormatter(name: string, position: number, view: LogView): (line: string) => string | undefined {
  const paint = (style: Style, text: string): string =>
    view.colour ? styleText(style, text, { validateStream: false }) : text;
  const prefix = paint(COLOURS[position % COLOURS.length] ?? 'cyan', name.padEnd(8));
  const show = (text: string): string => `${prefix} │ ${text}`;
  return (line) => {
    const entry = parse(line);
    // No log line: what Node prints when a process dies.
    if (!entry) return line.trim() === '' ? undefined : show(printable(line, 300));
    if (!view.verbose && rank(entry.level) < rank('warn')) return undefined;
    const fields = Object.entries(entry)
      .filter(([key]) => !DULL.has(key))
      .map(([key, value]) => `${key}=${words(value)}`);
    const text = printable([entry.msg, ...fields].join(' '), 400);
    if (rank(entry.level) < rank('warn')) return show(text);
    return show(paint(entry.level === 'warn' ? 'yellow' : 'red', text));
  };
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
    return undefined; // begins with a brace, and is no JSON: shown as it is
  }
}
