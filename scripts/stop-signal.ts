/** Being asked to stop: once in good order, twice at once. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The terminal, npm and the bootstrap may each deliver one Ctrl-C: within this time they are one. */
const ONE_PRESS_MS = 700;

export interface StopSignal {
  /** Aborted when a stop is asked for, by a signal or by `fail`. */
  readonly signal: AbortSignal;
  /** Settles then. */
  readonly requested: Promise<void>;
  /** Asks for a stop because of a failure. */
  readonly fail: (error: Error) => void;
  readonly failure: () => Error | undefined;
  /** Gives the signals back. */
  readonly close: () => void;
}

export function onStopSignal({
  first,
  second,
}: {
  readonly first: () => void;
  readonly second: () => void;
}): StopSignal {
  const controller = new AbortController();
  let failure: Error | undefined;
  let pressed = 0;

  const onSignal = (): void => {
    const now = Date.now();
    if (pressed === 0) {
      pressed = now;
      if (!controller.signal.aborted) first();
      controller.abort();
    } else if (now - pressed > ONE_PRESS_MS) {
      second();
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    requested: new Promise((resolve) => {
      controller.signal.addEventListener('abort', () => resolve(), { once: true });
    }),
    fail(error) {
      failure ??= error;
      controller.abort();
    },
    failure: () => failure,
    close() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
