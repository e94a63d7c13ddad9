/**
 * A pool of one thread that outlives the run of a mutant. To start a thread and to load vitest, fast-check, zod and ethers takes a
 * second of CPU; the tests of a mutant take a tenth of one. Our own modules, the mutated one among them, are loaded anew for each test
 * file, as ever; packages stay loaded.
 *
 *   a runner starts   the thread is started, or said to have been; the configuration goes with what is run
 *   it runs           one file
 *   it stops          once that file has ended; the thread goes on. One that is stopped by force in a file, is ended
 */
import { ThreadsPoolWorker, type PoolRunnerInitializer, type PoolWorker } from 'vitest/node';

type Request = Parameters<PoolWorker['send']>[0];
type Listener = Parameters<PoolWorker['on']>[1];
type Config = Extract<Request, { type: 'start' }>['context']['config'];

/** For a project's `poolRunner`. `close` ends the thread. */
export function warmPool(): PoolRunnerInitializer & { readonly close: () => Promise<void> } {
  let warm: ThreadsPoolWorker | null = null;
  const end = async (): Promise<void> => {
    const thread = warm;
    warm = null;
    await thread?.stop();
  };
  return {
    name: 'warm',
    createPoolWorker: (options) => {
      const isFirst = warm === null;
      warm ??= new ThreadsPoolWorker(options);
      return warmWorker(warm, isFirst, end);
    },
    close: end,
  };
}

function warmWorker(thread: ThreadsPoolWorker, isFirst: boolean, end: () => Promise<void>): PoolWorker {
  const listeners: [string, Listener][] = [];
  let config: Config | null = null;
  let running: Promise<void> | null = null;

  const say = (type: 'started' | 'stopped'): void => {
    const hear = listeners.flatMap(([event, listener]) => (event === 'message' ? [listener] : []));
    queueMicrotask(() => {
      for (const listener of hear) listener({ type, __vitest_worker_response__: true });
    });
  };
  /** The thread may have the next runner's file by the time that this one stops: what is said of that is not for this one. */
  const detach = (): void => {
    for (const [event, listener] of listeners) thread.off(event, listener);
  };
  const run = (request: Request): void => {
    running = new Promise((resolve) => {
      const ended = (message: unknown): void => {
        if (typeof message !== 'object' || message === null || !('type' in message)) return;
        if (message.type !== 'testfileFinished') return;
        thread.off('message', ended);
        detach();
        running = null;
        resolve();
      };
      thread.on('message', ended);
    });
    thread.send(request);
  };

  return {
    name: 'warm',
    start: async () => {
      if (isFirst) await thread.start();
    },
    stop: async () => {
      detach();
      if (running !== null) await end();
    },
    on: (event, listener) => {
      listeners.push([event, listener]);
      thread.on(event, listener);
    },
    off: (event, listener) => {
      const at = listeners.findIndex(([name, one]) => name === event && one === listener);
      if (at !== -1) listeners.splice(at, 1);
      thread.off(event, listener);
    },
    send: (request) => {
      // Calls between vitest and its thread have no type.
      const type = 'type' in request ? request.type : null;
      if (type === 'stop') void (running ?? Promise.resolve()).then(() => say('stopped'));
      else if (request.type === 'start') {
        ({ config } = request.context);
        if (isFirst) thread.send(request);
        else say('started');
      } else if (request.type === 'run') {
        // Taken before the one that the thread was started with.
        const context = config === null ? request.context : { ...request.context, config };
        run({ ...request, context });
      } else thread.send(request);
    },
    deserialize: (data) => data,
  };
}
