/**
 * What people see. Progress goes to stderr and results to stdout; without a terminal there are no colours and no redraws, so
 * that a log or a pipe gets plain lines.
 */
import path from 'node:path';
import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** One line of progress. */
  readonly say: (line: string) => void;
  /** A line that the next one replaces; without a terminal nothing. */
  readonly status: (line: string) => void;
  /** A result, for stdout. */
  readonly print: (text: string) => void;
  readonly paint: (style: Style, text: string) => string;
}

export interface Streams {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
}

export function openTerminal({ out, err }: Streams): Terminal {
  const redraws = err.isTTY;
  const clear = redraws ? '\r\u001b[2K' : '';
  const paint = (style: Style, text: string): string =>
    coloured(err) ? styleText(style, text, { validateStream: false }) : text;
  return {
    paint,
    say: (line) => {
      const signed = line.replace(/^[✓✗]/u, (sign) => paint(sign === '✓' ? 'green' : 'red', sign));
      err.write(`${clear}${signed}\n`);
    },
    status: (line) => {
      if (redraws) err.write(`${clear}${line}`);
    },
    print: (text) => {
      if (redraws) err.write(clear);
      out.write(`${text}\n`);
    },
  };
}

/** A path as people read it: from where they are, if it is below that. */
export function shortPath(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith('..') ? file : relative;
}

/** Whether a stream shows colours: a terminal, and nobody asked for none (https://no-color.org). */
export function coloured(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && !process.env['NO_COLOR'];
}
