/**
 * The sandbox as a process. Environment: SANDBOX_HOST (127.0.0.1), SANDBOX_PORT (4010; 0 = any), SANDBOX_WORLD (demo | empty).
 * Says `{"url": …}` on stdout, one line, when it is ready. Ends on SIGTERM, SIGINT, or when its parent's channel closes.
 */
import { z } from 'zod';
import { startSandbox } from './start-sandbox.ts';
import { demoWorld } from './worlds/demo.ts';
import { emptyWorld } from './worlds/empty.ts';

const Environment = z.object({
  SANDBOX_HOST: z.string().min(1).default('127.0.0.1'),
  SANDBOX_PORT: z.coerce.number().int().min(0).max(65_535).default(4010),
  SANDBOX_WORLD: z.enum(['demo', 'empty']).default('demo'),
});

const environment = Environment.safeParse(process.env);
if (!environment.success) {
  process.stderr.write(`${z.prettifyError(environment.error)}\n`);
  process.exit(2);
}
const { SANDBOX_HOST: host, SANDBOX_PORT: port, SANDBOX_WORLD: name } = environment.data;
const world = name === 'demo' ? demoWorld({ now: Math.floor(Date.now() / 1000) }) : emptyWorld();
const sandbox = await startSandbox({ host, port, world });

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await sandbox.close();
  if (process.connected) process.disconnect();
}
process.on('SIGTERM', () => void end());
process.on('SIGINT', () => void end());
process.on('disconnect', () => void end());

process.stdout.write(`${JSON.stringify({ url: sandbox.url })}\n`);
process.send?.({ ready: true, url: sandbox.url });
