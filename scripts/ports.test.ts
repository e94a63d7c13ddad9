import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, nextFreePort } from './ports.ts';

test('a port that is taken moves to the next free one', async () => {
  const wanted = await freePort();
  const server = createServer().listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  try {
    const next = await nextFreePort(wanted);
    expect(next).toBeGreaterThan(wanted);
    // One that somebody else of ours will open soon is left to them.
    expect(await nextFreePort(wanted, new Set([next]))).not.toBe(next);
  } finally {
    server.close();
    await once(server, 'close');
  }
});
