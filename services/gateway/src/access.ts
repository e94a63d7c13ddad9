/**
 * Who may ask: for whom a request acts and in which role, and which requests are refused before anybody is asked. A web page
 * that its owner looks at must never drive a local agent, so names, origins and media types are checked on every route.
 *
 *   key of the file           admin of OWNER_ID; Redis is not asked
 *   key of `npm run keys`     as its record in Redis says, read anew for each request
 *   none                      user of OWNER_ID where ALLOW_ANONYMOUS is set, else 401
 *   any other                 401, and a security event; never anonymous
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { roleIncludes, type ApiKeys, type Role, type Verdict } from '@quorum/shared/api-keys';
import type { OwnerId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Request, RequestHandler } from 'express';
import { Refusal } from './problem.ts';

export type AccessOptions = {
  /** Whom the key of the file, and requests without a key, act for. */
  readonly owner: OwnerId;
  /** The key of the file; null: there is none. */
  readonly fileKey: string | null;
  /** The keys in Redis; null: none of them is known here. */
  readonly apiKeys: ApiKeys | null;
  /** Whether a request without a key acts for the owner. */
  readonly allowAnonymous: boolean;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** The one that a request acts for. */
export type Caller = {
  readonly owner: OwnerId;
  readonly role: Role;
  /** Without a key: then nothing live is in reach. */
  readonly anonymous: boolean;
};

export type Access = {
  /**
   * Who asks, if that is somebody in this role at least. Throws a `Refusal`: 401 without a good key, 403 where the role is too
   * low. Asks Redis without a time limit: call it within `askRedis`.
   */
  callerOf(request: Request, needed: Role): Promise<Caller>;
  /** The same for the pages of whoever operates Quorum: admins, and where nothing live is in reach everybody. */
  operatorOf(request: Request): Promise<Caller>;
};

export function createAccess({ owner, fileKey, apiKeys, allowAnonymous, metrics, log }: AccessOptions): Access {
  const expected = fileKey === null ? null : sha256(fileKey);

  async function identify({ headers: { authorization } }: Request): Promise<Caller> {
    if (authorization === undefined) {
      if (allowAnonymous) return { owner, role: 'user', anonymous: true };
      throw unauthorized("Send 'Authorization: Bearer <API key>'.");
    }
    const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    // Hashed first: both sides are of one length then, and the comparison takes the same time wherever they differ.
    if (given !== undefined && expected !== null && timingSafeEqual(sha256(given), expected)) {
      return { owner, role: 'admin', anonymous: false };
    }
    const verdict = await verify(given);
    if (verdict.kind === 'good') return { owner: verdict.key.owner, role: verdict.key.role, anonymous: false };
    tell(verdict.why);
    throw unauthorized('The API key is not known.');
  }

  async function verify(given: string | undefined): Promise<Verdict> {
    if (given === undefined) return { kind: 'refused', why: 'malformed' };
    return apiKeys === null ? { kind: 'refused', why: 'unknown' } : await apiKeys.verify(given);
  }

  /** Says that a key was refused, and nothing of the key: a good one with a typing error is nearly a good one. */
  function tell(why: Extract<Verdict, { kind: 'refused' }>['why']): void {
    if (why === 'forged') {
      metrics.security.inc({ event: 'api_key_forged' });
      log.error('security: the record of an API key is not ours; npm run keys -- list names it');
      return;
    }
    metrics.security.inc({ event: 'api_key_refused' });
    log.warn({ why }, 'security: an API key was refused');
  }

  return {
    async callerOf(request, needed) {
      const caller = await identify(request);
      if (!roleIncludes(caller.role, needed)) throw tooLow(needed, caller.role);
      return caller;
    },
    async operatorOf(request) {
      const caller = await identify(request);
      if (!caller.anonymous && caller.role !== 'admin') throw tooLow('admin', caller.role);
      return caller;
    },
  };
}

/** Whether a caller may see what is this owner's: their own, and as an admin everybody's. */
export function maySee({ owner, role }: Caller, theirs: OwnerId): boolean {
  return owner === theirs || role === 'admin';
}

function unauthorized(detail: string): Refusal {
  return new Refusal('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="quorum"' } });
}

function tooLow(needed: Role, role: Role): Refusal {
  return new Refusal('role-too-low', `This needs the role ${needed}; this key has the role ${role}.`);
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
