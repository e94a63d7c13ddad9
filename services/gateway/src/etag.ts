/** Answers that a client may keep, and ask again whether they still hold: the second time they cost no body. */
import { createHash } from 'node:crypto';
import type { Response } from 'express';

/** Kept by whoever asked alone, and asked for each time: who may see it may have changed as well. */
const ASK_EACH_TIME = 'private, no-cache';

/** Sends JSON text under its own hash; 304 where `If-None-Match` has that already, which express finds by the header. */
export function sendTagged(response: Response, text: string, status = 200): void {
  const hash = createHash('sha256').update(text).digest('base64url');
  response.status(status).set({ etag: `"${hash}"`, 'cache-control': ASK_EACH_TIME });
  response.type('application/json').send(text);
}
