/** Free ports on loopback. Between looking and taking somebody else may be faster: a caller that matters tries again. */
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Any free port. */
export async function freePort(): Promise<number> {
  const port = await tryPort(0);
  if (port === undefined) throw new Error('There is no free port on 127.0.0.1.');
  return port;
}

/** The first free port from `wanted` up, at most 100 further; `taken` are ports that somebody will open soon. */
export async function nextFreePort(wanted: number, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let port = wanted; port < wanted + 100 && port < 65_536; port += 1) {
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new Error(`No port from ${wanted} up is free on 127.0.0.1.`);
}

/** Whether nobody has this port, and we may have it. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== undefined;
}

async function tryPort(port: number): Promise<number | undefined> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return undefined; // taken, or not for us (EACCES below 1024)
  }
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address === 'object' ? address.port : undefined;
}
