/**
 * The life of a service process: start, tell the supervisor, stop in order, exit with an honest code.
 *
 *   starting --ready--> serving --SIGTERM, SIGINT or a lost supervisor--> stopping --all closed--> exit 0
 *                                                                          stopping --deadline--> exit 1
 *
 * What was opened is closed in reverse: readiness first, then workers, then queues, Redis last.
 */
import { ValidationError } from './errors.ts';
import type { Logger } from './log.ts';

/** Closes one thing that the service opened. Named, so that a shutdown that hangs says where. */
export type Closer = { readonly name: string; close(): Promise<void> };

export type Stack = { add(name: string, close: () => Promise<void>): void };

export type ServiceOptions = {
  readonly log: Logger;
  readonly shutdownTimeoutS: number;
  /** Opens everything, registering each thing on the stack as soon as it is open. Returns the service's URL. */
  readonly start: (stack: Stack) => Promise<{ readonly url: string }>;
};

const SECOND_MS = 1_000;

/** A configuration, or the end: what an operator has to mend is told in words, without a stack. */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** Runs a service until it is told to stop. Never throws: it ends the process. */
export async function runService({ log, shutdownTimeoutS, start }: ServiceOptions): Promise<void> {
  const closers: Closer[] = [];
  let stopping = false;

  async function stop(why: string, code: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'service stopping');
    const deadline = setTimeout(() => {
      log.error({ open: closers.map((closer) => closer.name) }, 'service did not stop in time');
      process.exit(1);
    }, shutdownTimeoutS * SECOND_MS);
    let failed = false;
    for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
      try {
        await closer.close();
      } catch (error) {
        failed = true;
        log.error({ err: error, part: closer.name }, 'part did not close cleanly');
      }
      // Only now: a part that hangs must still be among the open ones when the deadline names them.
      closers.splice(closers.indexOf(closer), 1);
    }
    clearTimeout(deadline);
    log.info('service stopped');
    process.exit(failed ? 1 : code);
  }

  process.once('SIGTERM', () => void stop('SIGTERM', 0));
  process.once('SIGINT', () => void stop('SIGINT', 0));
  // A supervisor that was killed cannot stop its services: they end by themselves when its channel closes.
  process.once('disconnect', () => void stop('supervisor gone', 0));
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection');
    void stop('unhandled rejection', 1);
  });
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'uncaught exception');
    void stop('uncaught exception', 1);
  });

  try {
    const { url } = await start({ add: (name, close) => closers.push({ name, close }) });
    if (stopping) return;
    log.info({ url }, 'service ready');
    process.send?.({ ready: true, url });
  } catch (error) {
    // What it was opening was closed under its hands.
    if (stopping) return;
    log.fatal({ err: error }, 'service could not start');
    await stop('start failed', 1);
  }
}
