/**
 * The sandbox as a process: `--host` (127.0.0.1), `--port` (4010; 0 = any), `--world` (demo); for each the environment may say it
 * instead: SANDBOX_HOST, SANDBOX_PORT, SANDBOX_WORLD. Says `{"url": …}` on stdout, one line, when it is ready. Ends on SIGTERM,
 * SIGINT, or when its parent's channel closes.
 */
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startSandbox, type Sandbox } from './start-sandbox.ts';
import { isWorldName, WORLD_NAMES, worldNamed, type WorldName } from './worlds/named.ts';

const USAGE = `npm run sandbox -- [--port 4010] [--host 127.0.0.1] [--world NAME]
  --port   0 takes any free port
  --world  ${WORLD_NAMES.join(', ')}`;

type Settings = { readonly host: string; readonly port: number; readonly world: WorldName };

const Port = z.coerce.number().int().min(0).max(65_535);

/** What is wrong with the command line, in words for whoever typed it. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** null where only help was asked for. Throws `UsageError`. */
function readSettings(args: readonly string[], env: NodeJS.ProcessEnv): Settings | null {
  const values = optionsOf(args);
  if (values.help === true) return null;
  const host = values.host || env['SANDBOX_HOST'] || '127.0.0.1';
  const port = values.port || env['SANDBOX_PORT'] || '4010';
  const world = values.world || env['SANDBOX_WORLD'] || 'demo';
  const parsed = Port.safeParse(port);
  if (!parsed.success) throw new UsageError(`"${port}" is no port: a whole number from 0 to 65535`);
  if (!isWorldName(world)) throw new UsageError(`there is no world "${world}". Known: ${WORLD_NAMES.join(', ')}`);
  return { host, port: parsed.data, world };
}

function optionsOf(args: readonly string[]) {
  try {
    const text = { type: 'string' } as const;
    const options = { port: text, host: text, world: text, help: { type: 'boolean', short: 'h' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    // Node's own words name the option.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

async function start({ host, port, world }: Settings): Promise<Sandbox> {
  try {
    return await startSandbox({ host, port, world: worldNamed(world, { now: Math.floor(Date.now() / 1000) }) });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EADDRINUSE') {
      // Whoever starts it by `npm start` knows by the code that another port will do.
      throw new UsageError(
        `port ${port} on ${host} is taken (EADDRINUSE). Try another with --port, or --port 0 for any free one`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') throw new UsageError(`this machine has no address ${host}`);
    if (code === 'EACCES') throw new UsageError(`port ${port} is not allowed to this user. Try one above 1023`);
    throw error;
  }
}

async function main(): Promise<void> {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings === null) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const sandbox = await start(settings);

  let ending = false;
  const end = async (): Promise<void> => {
    if (ending) return;
    ending = true;
    await sandbox.close();
    if (process.connected) process.disconnect();
  };
  process.on('SIGTERM', () => void end());
  process.on('SIGINT', () => void end());
  process.on('disconnect', () => void end());

  process.stdout.write(`${JSON.stringify({ url: sandbox.url })}\n`);
  process.send?.({ ready: true, url: sandbox.url });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`sandbox: ${error.message}\n${USAGE}\n`);
  process.exitCode = 2;
}
