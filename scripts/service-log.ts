/** The log lines of the services (pino's JSON, or plain text of a crash) as people read them in a terminal. */
import { styleText } from 'node:util';
import { isWarning, readLogLine } from '@quorum/shared/pretty-log';
import { printable } from '@quorum/snapshot/printable';
import type { Style } from './terminal.ts';

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
    const read = readLogLine(line);
    // No log line: what Node prints when a process dies.
    if (read === undefined) return line.trim() === '' ? undefined : show(printable(line, 300));
    const { level, text } = read;
    if (!isWarning(level)) return view.verbose ? show(text) : undefined;
    return show(paint(level === 'warn' ? 'yellow' : 'red', text));
  };
}
