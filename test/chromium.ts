/**
 * A headless Chromium for one test, spoken to by its DevTools protocol: what a page shows is what a browser made of it, its scripts,
 * cookies and security headers included. `chromiumPath` is null where none is installed (Debian: `apt-get install chromium`).
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { PATIENT } from './patience.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Where a Chromium is on the PATH; null: nowhere. */
export async function chromiumPath(): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(path.delimiter)) {
    for (const name of NAMES) {
      const file = path.join(folder, name);
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return file;
    }
  }
  return null;
}

export type Browser = {
  /** Goes to a page and waits until it has loaded. */
  readonly goto: (url: string) => Promise<void>;
  /** What the value of this expression is in the page. */
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** Writes what the page shows into a PNG. */
  readonly screenshot: (file: string) => Promise<void>;
  readonly close: () => Promise<void>;
};

const SIZE = { width: 1_200, height: 1_100 } as const;

const Message = z.object({
  id: z.int().optional(),
  result: z.looseObject({}).optional(),
  error: z.object({ message: z.string() }).optional(),
});

export async function openBrowser(executable: string): Promise<Browser> {
  const profile = await mkdtemp(path.join(tmpdir(), 'quorum-chromium-'));
  const child = spawn(
    executable,
    [
      '--headless=new',
      // Whoever runs tests in a container is root there, and Chromium's own sandbox wants somebody else.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      `--window-size=${SIZE.width},${SIZE.height}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
  });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const address = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    void ended.then(() => reject(new Error('Chromium ended before it listened')));
    createInterface(child.stderr).on('line', (line) => {
      const [, url] = /^DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
  });

  const socket = new WebSocket(address);
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('Chromium takes no connection')));
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = Message.parse(JSON.parse(String(data)));
    const call = id === undefined ? undefined : waiting.get(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  });
  let last = 0;
  const call = <T>(answer: z.ZodType<T>, method: string, params: object, sessionId?: string): Promise<T> => {
    last += 1;
    const pending = Promise.withResolvers<unknown>();
    waiting.set(last, pending);
    socket.send(JSON.stringify({ id: last, method, params, ...(sessionId === undefined ? {} : { sessionId }) }));
    return pending.promise.then((result) => answer.parse(result));
  };

  const { targetId } = await call(z.object({ targetId: z.string() }), 'Target.createTarget', { url: 'about:blank' });
  const attached = z.object({ sessionId: z.string() });
  const { sessionId } = await call(attached, 'Target.attachToTarget', { targetId, flatten: true });
  await call(
    z.unknown(),
    'Emulation.setDeviceMetricsOverride',
    { ...SIZE, deviceScaleFactor: 1, mobile: false },
    sessionId,
  );

  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = z.object({ result: z.object({ value: z.unknown() }) });
    const { result } = await call(answer, 'Runtime.evaluate', { expression, returnByValue: true }, sessionId);
    return result.value;
  };
  return {
    evaluate,
    async goto(url) {
      const navigated = z.object({ errorText: z.string().optional() });
      const { errorText } = await call(navigated, 'Page.navigate', { url }, sessionId);
      if (errorText !== undefined) throw new Error(`Chromium cannot open the page: ${errorText}`);
      const deadline = Date.now() + PATIENT.timeout;
      while ((await evaluate('document.readyState')) !== 'complete') {
        if (Date.now() > deadline) throw new Error('The page did not load');
      }
    },
    async screenshot(file) {
      const shot = z.object({ data: z.base64() });
      const { data } = await call(shot, 'Page.captureScreenshot', { format: 'png' }, sessionId);
      await writeFile(file, Buffer.from(data, 'base64'));
    },
    async close() {
      process.off('exit', killAtExit);
      socket.close();
      child.kill();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
