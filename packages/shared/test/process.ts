/** A process of a test: a script of ours in a Node of its own. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export type Process = {
  /** The next line that it writes; null where it ended. */
  next(): Promise<string | null>;
  /** Its end, and all that it wrote. */
  readonly ended: Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly errors: string }>;
  /** Ends it as `kill -9` does. */
  kill(): void;
};

export function run(script: string, args: readonly string[]): Process {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const reader = createInterface({ input: child.stdout });
  const waiting: ((line: string | null) => void)[] = [];
  let told = 0;
  reader.on('line', (line) => {
    lines.push(line);
    const next = waiting.shift();
    if (next !== undefined) {
      told += 1;
      next(line);
    }
  });
  const isOver = new Promise<void>((resolve) => {
    reader.on('close', () => {
      resolve();
      for (const next of waiting.splice(0)) next(null);
    });
  });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return {
    next: () =>
      new Promise((resolve) => {
        const line = lines[told];
        if (line !== undefined) {
          told += 1;
          resolve(line);
        } else {
          waiting.push(resolve);
          void isOver.then(() => resolve(null));
        }
      }),
    ended: Promise.all([closed, isOver]).then(([code]) => ({ code, lines, errors })),
    kill: () => void child.kill('SIGKILL'),
  };
}
