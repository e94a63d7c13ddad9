/**
 * Whether a container engine is reachable here: asked once, at the start of a set of tests, and answered in milliseconds where there is
 * none. It must be one of this machine, since what tests publish is published on loopback.
 */
import { existsSync } from 'node:fs';
import { get, type RequestOptions } from 'node:http';
import { homedir } from 'node:os';
import path from 'node:path';

const ANSWERS_WITHIN_MS = 1_000;

export type Engine =
  | { readonly kind: 'found'; readonly host: string }
  | { readonly kind: 'none'; readonly why: string };

/** The engine of `DOCKER_HOST`; where that is not set, the first of the usual sockets that answers. */
export async function findEngine(env: NodeJS.ProcessEnv, home = homedir()): Promise<Engine> {
  const given = env['DOCKER_HOST'];
  const hosts = given ? [given] : usualSockets(env, home).map((socket) => `unix://${socket}`);
  if (hosts.length === 0) return { kind: 'none', why: 'there is no DOCKER_HOST and no socket of an engine' };
  const faults: string[] = [];
  for (const host of hosts) {
    const fault = await faultOf(host);
    if (fault === null) return { kind: 'found', host };
    faults.push(fault);
  }
  return { kind: 'none', why: faults.join('; ') };
}

/** Docker's own, and those of its rootless and its desktop kind. */
function usualSockets(env: NodeJS.ProcessEnv, home: string): string[] {
  const runtime = env['XDG_RUNTIME_DIR'];
  return [
    '/var/run/docker.sock',
    ...(runtime ? [path.join(runtime, 'docker.sock')] : []),
    path.join(home, '.docker/run/docker.sock'),
    path.join(home, '.docker/desktop/docker.sock'),
  ].filter((socket) => existsSync(socket));
}

/** Why this engine cannot be used; null: it can. */
async function faultOf(host: string): Promise<string | null> {
  const options = requestTo(host);
  if (options === null) return `${host} is not an engine of this machine, reached without TLS`;
  return await new Promise((resolve) => {
    const request = get({ ...options, path: '/_ping', timeout: ANSWERS_WITHIN_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? null : `${host} answers ${response.statusCode ?? 'nothing'}`);
    });
    request.once('timeout', () => request.destroy(new Error(`no answer within ${ANSWERS_WITHIN_MS} ms`)));
    request.once('error', (error) => resolve(`${host}: ${error.message}`));
  });
}

function requestTo(host: string): RequestOptions | null {
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) };
  const url = URL.canParse(host) ? new URL(host) : null;
  const isNear = url?.protocol === 'tcp:' && ['localhost', '127.0.0.1'].includes(url.hostname);
  return isNear ? { host: url.hostname, port: url.port } : null;
}
