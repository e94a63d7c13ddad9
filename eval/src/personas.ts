/**
 * The sandbox's models, in a process of their own: the evaluation has the other core to itself, and what the sandbox keeps of
 * every call goes with it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export type Personas = {
  /** For OPENAI_BASE_URL. */
  readonly url: string;
  /** What the persona `owned` answers from now on. */
  aim(target: string): Promise<void>;
  close(): Promise<void>;
};

const MAIN = fileURLToPath(import.meta.resolve('@quorum/sandbox/main'));
const Ready = z.object({ url: z.string() });

/** Starts a sandbox on any free port. Throws where it ends before it is ready. */
export async function startPersonas(): Promise<Personas> {
  const child = fork(MAIN, ['--port', '0', '--world', 'empty'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit');
  const failed = ended.then(() => Promise.reject(new Error('The sandbox did not start.')));
  const [message]: unknown[] = await Promise.race([once(child, 'message'), failed]);
  // From here on its end is what `close` waits for.
  failed.catch(() => undefined);
  const { url } = Ready.parse(message);
  return {
    url: `${url}/v1`,
    async aim(target) {
      const response = await fetch(`${url}/_sandbox/model`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ persona: 'owned', target }),
      });
      if (!response.ok) throw new Error(`The sandbox took no target: ${await response.text()}`);
    },
    async close() {
      // It ends when its parent's channel closes.
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
