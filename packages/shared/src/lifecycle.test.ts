import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';

const Line = z.looseObject({ msg: z.string() });
type Line = z.infer<typeof Line>;

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A service process whose `start` runs these statements. */
function service(statements: string, { timeoutS = 10, ipc = false } = {}) {
  const program = `
    import { createLogger } from './src/log.ts';
    import { runService } from './src/lifecycle.ts';
    const log = createLogger('test', 'info');
    // Keeps the process alive, as a server would.
    const alive = setInterval(() => {}, 1_000);
    await runService({ log, shutdownTimeoutS: ${timeoutS}, async start(stack) {
      ${statements}
      return { url: 'http://127.0.0.1:1' };
    } });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: dirname(import.meta.dirname),
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? (['ipc'] as const) : [])],
  });
  children.push(child);
  const lines: Line[] = [];
  const waiting = new Map<string, () => void>();
  const { stdout } = child;
  if (stdout === null) throw new Error('the child has no output');
  const reader = createInterface({ input: stdout });
  reader.on('line', (text) => {
    const line = Line.parse(JSON.parse(text));
    lines.push(line);
    waiting.get(line.msg)?.();
  });
  const ended = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => z.int().parse(code));
  return {
    child,
    ended,
    lines,
    says: () => lines.map(({ msg }) => msg),
    /** Settles when the process says this; rejects where it ends without. */
    async said(msg: string): Promise<void> {
      if (lines.some((line) => line.msg === msg)) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(msg, resolve);
      const gone = ended.then((code) => {
        throw new Error(`it ended with ${code} and never said ${msg}`);
      });
      gone.catch(() => {});
      await Promise.race([promise, gone]);
    },
  };
}

const OPEN_TWO = `
  stack.add('redis', async () => log.info('redis closed'));
  stack.add('worker', async () => log.info('worker closed'));`;

describe('a service', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)('closes at %s what it opened, last first, and ends well', async (signal) => {
    const one = service(OPEN_TWO);
    await one.said('service ready');
    one.child.kill(signal);
    expect(await one.ended).toBe(0);
    expect(one.says()).toEqual([
      'service ready',
      'service stopping',
      'worker closed',
      'redis closed',
      'service stopped',
    ]);
    expect(one.lines[1]).toMatchObject({ why: signal });
  });

  it('closes the rest where one part fails to close, and says so by its exit code', async () => {
    const one = service(`${OPEN_TWO} stack.add('probe', async () => { throw new Error('stuck'); });`);
    await one.said('service ready');
    one.child.kill('SIGTERM');
    expect(await one.ended).toBe(1);
    expect(one.lines.find(({ msg }) => msg === 'part did not close cleanly')).toMatchObject({ part: 'probe' });
    expect(one.says()).toContain('redis closed');
  });

  it('that hangs at closing is ended at the deadline, and names what hangs', async () => {
    const one = service(`${OPEN_TWO} stack.add('queue', () => new Promise(() => {}));`, { timeoutS: 0.05 });
    await one.said('service ready');
    one.child.kill('SIGTERM');
    expect(await one.ended).toBe(1);
    expect(one.lines.at(-1)).toMatchObject({
      msg: 'service did not stop in time',
      open: ['redis', 'worker', 'queue'],
    });
  });

  it('that is stopped while it starts closes what it opens after that, too', async () => {
    const one = service(`
      const go = new Promise((resolve) => process.once('SIGTERM', resolve));
      stack.add('redis', () => go.then(() => new Promise((done) => setImmediate(done))));
      log.info('half open');
      await go;
      stack.add('worker', async () => log.info('worker closed'));`);
    await one.said('half open');
    one.child.kill('SIGTERM');
    expect(await one.ended).toBe(0);
    expect(one.says()).toContain('worker closed');
    expect(one.says()).not.toContain('service ready');
  });

  it('that cannot start closes what is open and ends badly', async () => {
    const one = service(`${OPEN_TWO} throw new Error('no port');`);
    expect(await one.ended).toBe(1);
    expect(one.says()).toEqual([
      'service could not start',
      'service stopping',
      'worker closed',
      'redis closed',
      'service stopped',
    ]);
  });

  it.for([
    ['unhandled rejection', 'void Promise.reject(new Error("bug"));'],
    ['uncaught exception', 'setImmediate(() => { throw new Error("bug"); });'],
  ] as const)('ends badly, but in order, after an %s', async ([msg, fault]) => {
    const one = service(`${OPEN_TWO} setImmediate(() => { ${fault} });`);
    expect(await one.ended).toBe(1);
    expect(one.lines.find((line) => line.msg === msg)).toMatchObject({ err: { message: 'bug' } });
    expect(one.says()).toContain('redis closed');
  });

  it('tells its supervisor where it is, and ends when the supervisor is gone', async () => {
    const one = service(OPEN_TWO, { ipc: true });
    const [message] = await once(one.child, 'message');
    expect(message).toEqual({ ready: true, url: 'http://127.0.0.1:1' });
    one.child.disconnect();
    expect(await one.ended).toBe(0);
    expect(one.lines.find(({ msg }) => msg === 'service stopping')).toMatchObject({ why: 'supervisor gone' });
    expect(one.says()).toContain('redis closed');
  });
});
