/**
 * Keeps one process running. A process that dies is said to have died, with its last lines, and is started again, at most
 * five times a minute; after that whoever started it is told. One that fails before it was ever ready is not tried again:
 * that is a wrong setting and not a crash. (A port that was taken in between is another matter.)
 */
import { ChildFailed, startChild, type Child, type ChildSpec } from './child.ts';
import type { RunFiles } from './run-files.ts';

const MAX_RESTARTS = 5;
const WINDOW_MS = 60_000;
const MAX_PORT_TRIES = 5;

export interface SupervisedSpec {
  readonly name: string;
  /** Made anew for each start, as a port may have been taken meanwhile. */
  readonly spec: () => Promise<ChildSpec>;
  /** What must be done each time it is ready, before anybody is told. */
  readonly afterReady?: (url: string) => Promise<void>;
  readonly files: RunFiles;
  readonly say: (line: string, lines?: readonly string[]) => void;
  /** It died too often, or does not come back. */
  readonly onGivenUp: (error: Error) => void;
}

export interface Supervised {
  readonly name: string;
  /** Settles when it is ready for the first time; rejects if it never is, or was stopped before. */
  readonly ready: Promise<string>;
  /** Ends it, in good order. */
  readonly stop: () => Promise<void>;
  /** Ends it at once. */
  readonly kill: () => void;
}

export function supervise(options: SupervisedSpec): Supervised {
  const { name, files, say } = options;
  const deaths: number[] = [];
  let stopping = false;
  let child: Child | undefined;

  async function launch(): Promise<string> {
    const spec = await options.spec();
    if (stopping) throw new ChildFailed(name, 'was stopped', []);
    const started = startChild(spec);
    child = started;
    await files.note(name, started.pid);
    try {
      const url = await started.ready;
      await options.afterReady?.(url);
      void started.ended.then((how) => afterDeath(how, started.lastLines()));
      return url;
    } catch (error) {
      await started.stop();
      throw error;
    }
  }

  async function firstLaunch(): Promise<string> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await launch();
      } catch (error) {
        const again = error instanceof ChildFailed && error.portTaken && attempt < MAX_PORT_TRIES && !stopping;
        if (!again) throw error;
      }
    }
  }

  async function afterDeath(how: string, lines: readonly string[]): Promise<void> {
    if (stopping) return;
    const now = Date.now();
    deaths.push(now);
    if (deaths.filter((at) => now - at < WINDOW_MS).length > MAX_RESTARTS) {
      options.onGivenUp(new ChildFailed(name, `died ${MAX_RESTARTS + 1} times within a minute (${how})`, lines));
      return;
    }
    say(`✗ ${name} died (${how}); starting it again`, lines.slice(-5));
    try {
      const url = await launch();
      say(`✓ ${name} is back on ${url}`);
    } catch (error) {
      if (stopping) return;
      if (error instanceof ChildFailed) await afterDeath(error.message, error.lines);
      else options.onGivenUp(error instanceof Error ? error : new Error(String(error)));
    }
  }

  const ready = firstLaunch();
  // Whoever stops it early does not wait for it to be ready.
  ready.catch(() => {});
  return {
    name,
    ready,
    async stop() {
      stopping = true;
      await child?.stop();
      await ready.catch(() => {});
      await files.forget(name);
    },
    kill() {
      stopping = true;
      child?.kill();
    },
  };
}
