/** The HTTP server around the application: who sends slowly or too much is cut off. */
import { createServer, type RequestListener } from 'node:http';
import { urlOf } from '@quorum/shared/probe';

const SECOND_MS = 1_000;
const KB = 1_024;

export type RunningServer = { readonly url: string; close(): Promise<void> };

/** Listens on the address; port 0 takes any free one. Rejects where the address is taken. */
export async function listen(app: RequestListener, host: string, port: number): Promise<RunningServer> {
  const server = createServer(
    {
      headersTimeout: 5 * SECOND_MS,
      requestTimeout: 10 * SECOND_MS,
      keepAliveTimeout: 5 * SECOND_MS,
      connectionsCheckingInterval: SECOND_MS,
      maxHeaderSize: 16 * KB,
    },
    app,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: urlOf(server.address(), host),
    // Answers what is under way, and drops connections that wait for nothing.
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
      }),
  };
}
