/**
 * Who may ask: for whom a request acts, and which requests are refused before anybody is asked. A web page that its owner looks
 * at must never drive a local agent, so names, origins and media types are checked on every route.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { OwnerId } from '@quorum/shared/ids';
import type { Request, RequestHandler } from 'express';
import { Refusal } from './problem.ts';

export type AccessOptions = {
  readonly owner: OwnerId;
  /** The key that acts for the owner; null: there is none. */
  readonly apiKey: string | null;
  /** Whether a request without a key acts for the owner. */
  readonly allowAnonymous: boolean;
};

export type Access = {
  /** The owner that a request acts for. Throws a `Refusal` (401) where it may act for nobody; a wrong key is never anonymous. */
  ownerOf(request: Request): OwnerId;
};

export function createAccess({ owner, apiKey, allowAnonymous }: AccessOptions): Access {
  const expected = apiKey === null ? null : sha256(apiKey);
  return {
    ownerOf(request) {
      const { authorization } = request.headers;
      if (authorization === undefined) {
        if (allowAnonymous) return owner;
        throw unauthorized("Send 'Authorization: Bearer <API key>'.");
      }
      const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
      // Hashed first: both sides are of one length then, and the comparison takes the same time wherever they differ.
      if (given !== undefined && expected !== null && timingSafeEqual(sha256(given), expected)) return owner;
      throw unauthorized('The API key is not known.');
    },
  };
}

function unauthorized(detail: string): Refusal {
  return new Refusal('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="quorum"' } });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const HOST = /^(?<name>\[[0-9a-f:.]+\]|[^:@/?#\s]+)(?::\d{1,5})?$/i;

/** Refuses requests to a name that is not in the list: a page's own domain may have been pointed at this machine. */
export function requireKnownHost(allowed: readonly string[]): RequestHandler {
  return (request, _response, next) => {
    const name = HOST.exec(request.headers.host ?? '')?.groups?.['name']?.toLowerCase();
    if (name !== undefined && allowed.includes(name)) return next();
    throw new Refusal('foreign-host', 'Call the gateway by one of the names in ALLOWED_HOSTS.');
  };
}

/** Refuses what a browser sends for a page of another origin. */
export const refuseForeignPages: RequestHandler = (request, _response, next) => {
  const { origin, host } = request.headers;
  if (request.headers['sec-fetch-site'] === 'cross-site' || (origin !== undefined && !isOwnOrigin(origin, host))) {
    throw new Refusal('foreign-origin', 'Ask from a page of this gateway, or from a program.');
  }
  next();
};

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  const url = URL.parse(origin);
  return url !== null && /^https?:$/.test(url.protocol) && url.host === host?.toLowerCase();
}

/** Refuses bodies that are not JSON: a page can send those without asking first. */
export const requireJson: RequestHandler = (request, _response, next) => {
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (reads || type === 'application/json') return next();
  throw new Refusal('unsupported-media-type', "Send 'Content-Type: application/json'.");
};
