/** The small HTTP server of a worker: metrics for Prometheus, liveness and readiness for whoever restarts it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Logger } from './log.ts';

export type Probe = { readonly url: string; readonly close: () => Promise<void> };

export type ProbeOptions = {
  readonly host: string;
  readonly port: number;
  readonly registry: Registry;
  readonly log: Logger;
  /** Whether the service can do its work now. Must answer quickly. */
  ready(): Promise<boolean>;
};

/** Serves GET /metrics, /health/live and /health/ready. Liveness asks nothing; readiness is 503 until `ready` says yes. */
export async function startProbe(options: ProbeOptions): Promise<Probe> {
  const server = createServer((request, response) => {
    const answer = (status: number, type: string, body: string): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    const json = (status: number, body: unknown): void => answer(status, 'application/json', JSON.stringify(body));
    const respond = async (): Promise<void> => {
      if (request.method !== 'GET') return json(405, { status: 'method not allowed' });
      const path = request.url?.split('?')[0];
      if (path === '/metrics') return answer(200, options.registry.contentType, await options.registry.metrics());
      if (path === '/health/live') return json(200, { status: 'ok' });
      if (path === '/health/ready') {
        const ready = await options.ready();
        return json(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready' });
      }
      return json(404, { status: 'not found', paths: ['/metrics', '/health/live', '/health/ready'] });
    };
    respond().catch((error: unknown) => {
      options.log.error({ err: error, path: request.url }, 'probe not answered');
      json(500, { status: 'error' });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    url: urlOf(server.address(), options.host),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The URL of a listening server; an address that means "every interface" is spelt as this machine's own. */
export function urlOf(address: AddressInfo | string | null, host: string): string {
  if (address === null || typeof address === 'string') throw new Error('The HTTP server has no address');
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${address.port}`;
}
