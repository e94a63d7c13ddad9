/** The sandbox as a process: it says where it is, serves, and ends with its parent. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ask } from '../test/client.ts';

const Ready = z.object({ ready: z.literal(true), url: z.string() });

test.each([
  ['SIGTERM', (child: ReturnType<typeof fork>) => child.kill('SIGTERM')],
  ['its parent hanging up', (child: ReturnType<typeof fork>) => child.disconnect()],
])('it ends on %s', async (_, end) => {
  const child = fork(new URL('./main.ts', import.meta.url), {
    env: { ...process.env, SANDBOX_PORT: '0', SANDBOX_WORLD: 'demo' },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const { url } = Ready.parse((await once(child, 'message'))[0]);
  expect((await ask(url, '{ spaces { name } }'))['spaces']).toEqual([{ name: 'Harbor Collective' }]);
  const exited = once(child, 'exit');
  end(child);
  expect(await exited).toEqual([0, null]);
});
