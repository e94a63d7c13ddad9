/**
 * How a browser gets to the board: it has no header to put a key in. An admin makes a link, which opens once and within a minute;
 * whoever opens it gets a cookie for the paths of the board alone. Redis holds the SHA-256 of link and cookie, so that reading it
 * opens nothing, and by which key the link was made: without that key the session ends.
 *
 * (nothing) --makeLink--> link --open, once--> session --8 hours, or its key goes--> (nothing)
 */
import { createHash, randomBytes } from 'node:crypto';
import { OwnerId } from '@quorum/shared/ids';
import { keys } from '@quorum/shared/redis-keys';
import type { Request, Response } from 'express';
import type { Redis } from 'ioredis';
import { z } from 'zod';

const TOKEN_BYTES = 32;
const HOUR_S = 60 * 60;
export const LINK_S = 60;
const SESSION_S = 8 * HOUR_S;
const COOKIE = 'quorum_board';

/** For whom a board is open. */
const Session = z.strictObject({
  owner: OwnerId,
  /** The id of the key that the link was made with, or `file`. */
  by: z.string(),
  /** The SHA-256 of the key of the file, where it was made with that; else empty. */
  proof: z.string(),
});
export type Session = z.infer<typeof Session>;

export type BoardSessions = ReturnType<typeof createBoardSessions>;

export function createBoardSessions(redis: Redis) {
  return {
    /** Makes a link, and gives back its token. */
    async makeLink(session: Session): Promise<string> {
      const token = newToken();
      await redis.set(keys.boardLink(hashOf(token)), JSON.stringify(session), 'EX', LINK_S);
      return token;
    },

    /** Trades the token of a link for that of a session; null: it was opened before, is too old, or never was. */
    async open(linkToken: string): Promise<string | null> {
      const json = await redis.getdel(keys.boardLink(hashOf(linkToken)));
      if (json === null) return null;
      const token = newToken();
      await redis.set(keys.boardSession(hashOf(token)), json, 'EX', SESSION_S);
      return token;
    },

    /** For whom the session of this token is; null: there is none. Whether its key still counts is for the caller to see. */
    async find(token: string): Promise<Session | null> {
      const json = await redis.get(keys.boardSession(hashOf(token)));
      return json === null ? null : Session.parse(JSON.parse(json));
    },
  };
}

function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The token of the session that a browser sent; undefined: none. */
export function sessionTokenOf({ headers: { cookie = '' } }: Request): string | undefined {
  const pairs = cookie.split(';').map((pair) => pair.trim().split('='));
  return pairs.find(([name]) => name === COOKIE)?.[1];
}

/** Gives the browser the token, for the paths of the board and for requests of this site alone. */
export function setSessionCookie(response: Response, token: string, path: string): void {
  const secure = response.req.secure;
  response.cookie(COOKIE, token, { path, httpOnly: true, sameSite: 'strict', secure, maxAge: SESSION_S * 1_000 });
}
