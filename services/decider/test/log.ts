/** A logger for tests that keeps what it was told. */
import { createLogger, type Logger } from '@quorum/shared/log';
import { pino } from 'pino';

export function preparedLog(): { logger: Logger; text(): string; events(): unknown[] } {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  return { logger, text: () => lines.join(''), events: () => lines.map((line): unknown => JSON.parse(line)) };
}

/** A logger that says nothing. */
export const quietLog = (): Logger => createLogger('test', 'silent');
