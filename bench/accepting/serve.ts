/** Serves on a free port of loopback, tells whoever started this process where, and ends with them. */
import type { Express } from 'express';

export function serve(app: Express): void {
  const server = app.listen(0, '127.0.0.1', () => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    process.send?.({ ready: true, url: `http://127.0.0.1:${port}` });
  });
  process.once('disconnect', () => process.exit());
}
