/**
 * Who may ask: for whom a request acts and in which role, and which requests are refused before anybody is asked. A web page
 * that its owner looks at must never drive a local agent, so names, origins and media types are checked on every route.
 *
 *   key of the file           admin of OWNER_ID; Redis is not asked
 *   key of `npm run keys`     as its record in Redis says, which is asked for each request: a key that was good before goes by what is
 *                             remembered of it, if in the step that its request is paid for Redis still has that very record
 *   none                      user of OWNER_ID where ALLOW_ANONYMOUS is set, else 401
 *   any other                 401, and a security event; never anonymous
 *
 * Each request pays for itself (`limits.ts`) once it is known for whom, admins excepted. A good key is good however many bad ones
 * came from the same address: at 256 bits nobody guesses one, and whoever could lock an owner out would keep them from pausing.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import {
  roleIncludes,
  type ApiKey,
  type ApiKeys,
  type Role,
  type Standing,
  type Verdict,
} from '@quorum/shared/api-keys';
import type { OwnerId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Metrics } from '@quorum/shared/metrics';
import type { Step } from '@quorum/shared/script';
import { logSecurity } from '@quorum/shared/security-events';
import type { Request, RequestHandler } from 'express';
import { sessionTokenOf, type BoardSessions, type Session } from './board-sessions.ts';
import type { Limits, Paid, Pays } from './limits.ts';
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
  readonly limits: Limits;
  readonly sessions: BoardSessions;
  readonly metrics: Metrics;
  readonly log: Logger;
};

/** The one that a request acts for. */
export type Caller = {
  readonly owner: OwnerId;
  readonly role: Role;
  /** Without a key: then nothing live is in reach. */
  readonly anonymous: boolean;
  /** By which key, for what is recorded: its id, file, or anonymous. */
  readonly by: string;
};

export type Access = {
  /**
   * Who asks, if that is somebody in this role at least. Throws a `Refusal`: 401 without a good key, 403 where the role is too
   * low, 429 where too much was asked. Asks Redis without a time limit: call it within `askRedis`.
   */
  callerOf(request: Request, needed: Role, pays?: Pays): Promise<Caller>;
  /**
   * The same, and what they start, in one step: `start` is told for whom, and makes that step with the payment in it. Null: the key is
   * another than was thought, and nothing was done.
   */
  startFor<T>(
    request: Request,
    needed: Role,
    start: (caller: Caller, payment: Step<Paid>) => Promise<T | null>,
  ): Promise<T>;
  /**
   * The same for the pages of whoever operates Quorum: admins, by their key or a session of the board, and where nothing live is
   * in reach everybody.
   */
  operatorOf(request: Request): Promise<Caller>;
  /** What a session of the board is to remember of an admin: it ends with their key. */
  sessionFor(admin: Caller): Session;
  /** Says that a link was refused; throws where there were too many. */
  refuseLink(request: Request): Promise<void>;
};

export function createAccess(options: AccessOptions): Access {
  const { owner, fileKey, apiKeys, allowAnonymous, limits, sessions, metrics, log } = options;
  const expected = fileKey === null ? null : sha256(fileKey);

  async function identify(request: Request): Promise<Caller> {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      if (allowAnonymous) return { owner, role: 'user', anonymous: true, by: 'anonymous' };
      throw unauthorized("Send 'Authorization: Bearer <API key>'.");
    }
    const given = bearerOf(authorization);
    // Hashed first: both sides are of one length then, and the comparison takes the same time wherever they differ.
    if (given !== undefined && expected !== null && timingSafeEqual(sha256(given), expected)) {
      return { owner, role: 'admin', anonymous: false, by: 'file' };
    }
    const verdict = await verify(given);
    if (verdict.kind === 'good') return callerBy(verdict.key);
    metrics.security.inc({ event: verdict.why === 'forged' ? 'api_key_forged' : 'api_key_refused' });
    await limits.payForBadKey(request);
    tell(verdict.why);
    throw unauthorized('The API key is not known.');
  }

  /** Who asks if their key is as it was when it was last read, and what of it Redis must have still. Null: it is to be read. */
  function recall({ headers: { authorization = '' } }: Request): { caller: Caller; standing: Standing } | null {
    const recalled = apiKeys?.recall(bearerOf(authorization) ?? '') ?? null;
    // Admins pay nothing: there is no step in which to ask.
    if (recalled === null || recalled.key.role === 'admin') return null;
    return { caller: callerBy(recalled.key), standing: recalled.standing };
  }

  async function verify(given: string | undefined): Promise<Verdict> {
    if (given === undefined) return { kind: 'refused', why: 'malformed' };
    return apiKeys === null ? { kind: 'refused', why: 'unknown' } : await apiKeys.verify(given);
  }

  /** Says that a key was refused, and nothing of the key: a good one with a typing error is nearly a good one. */
  function tell(why: Extract<Verdict, { kind: 'refused' }>['why']): void {
    logSecurity(log, why === 'forged' ? 'api_key_forged' : 'api_key_refused', { why });
  }

  /** The admin whose session of the board this is; null: nobody's, or one whose key is gone. */
  async function sessionOf(request: Request): Promise<Caller | null> {
    const token = sessionTokenOf(request);
    const session = token === undefined ? null : await sessions.find(token);
    if (session === null) return null;
    const { owner: theirs, by, proof } = session;
    const stands = by === 'file' ? expected?.toString('hex') === proof : (await apiKeys?.byId(by))?.role === 'admin';
    return stands ? { owner: theirs, role: 'admin', anonymous: false, by } : null;
  }

  async function pay(request: Request, { owner: theirs, role }: Caller, pays: Pays): Promise<void> {
    if (role !== 'admin') await limits.pay(request, theirs, pays);
  }

  return {
    async callerOf(request, needed, pays = 'reads') {
      const known = pays === 'nothing' ? null : recall(request);
      if (known !== null) {
        const paid = await limits.pay(request, known.caller.owner, pays, known.standing);
        if (paid === 'taken') {
          requireRole(needed, known.caller.role);
          return known.caller;
        }
      }
      const caller = await identify(request);
      await pay(request, caller, pays);
      requireRole(needed, caller.role);
      return caller;
    },
    async startFor(request, needed, start) {
      const startBy = async (caller: Caller, standing?: Standing) => {
        if (!roleIncludes(caller.role, needed)) {
          // They pay for being told so.
          const paid = await limits.pay(request, caller.owner, 'starts', standing);
          if (paid === 'changed') return null;
          throw tooLow(needed, caller.role);
        }
        return await start(caller, limits.payment(request, caller.role === 'admin' ? null : caller.owner, standing));
      };
      const known = recall(request);
      const started = known === null ? null : await startBy(known.caller, known.standing);
      if (started !== null) return started;
      const again = await startBy(await identify(request));
      // Nothing was asked of a key that was read just now.
      if (again === null) throw new TypeError('A key that was just read cannot have changed');
      return again;
    },
    async operatorOf(request) {
      const key = request.headers.authorization;
      const caller = (key === undefined ? await sessionOf(request) : null) ?? (await identify(request));
      await pay(request, caller, 'reads');
      if (!caller.anonymous && caller.role !== 'admin') throw tooLow('admin', caller.role);
      return caller;
    },
    sessionFor({ owner: theirs, by }) {
      return { owner: theirs, by, proof: by === 'file' ? (expected?.toString('hex') ?? '') : '' };
    },
    async refuseLink(request) {
      metrics.security.inc({ event: 'board_link_refused' });
      await limits.payForBadKey(request);
      logSecurity(log, 'board_link_refused');
    },
  };
}

/** Throws a `Refusal` where the role does not include the one that is needed. */
export function requireRole(needed: Role, role: Role): void {
  if (!roleIncludes(role, needed)) throw tooLow(needed, role);
}

/** Whether a caller may see what is this owner's: their own, and as an admin everybody's. */
export function maySee({ owner, role }: Caller, theirs: OwnerId): boolean {
  return owner === theirs || role === 'admin';
}

/** The key in an `Authorization` header. */
function bearerOf(authorization: string): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

function callerBy({ owner, role, id }: ApiKey): Caller {
  return { owner, role, anonymous: false, by: id };
}

function unauthorized(detail: string): Refusal {
  return new Refusal('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="quorum"' } });
}

function tooLow(needed: Role, role: Role): Refusal {
  return new Refusal('role-too-low', `This needs the role ${needed}; this key has the role ${role}.`);
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
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
