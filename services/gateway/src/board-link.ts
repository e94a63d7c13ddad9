/** `POST` and `GET /admin/queues/link`: an admin's way to the board in a browser, once. `board-sessions.ts` says how long it lasts. */
import { Router } from 'express';
import type { Access } from './access.ts';
import { MAKE_BOARD_LINK, OPEN_BOARD_LINK } from './api/operation.ts';
import { serveOn } from './api/serve.ts';
import { askRedis } from './ask-redis.ts';
import { LINK_S, setSessionCookie, type BoardSessions } from './board-sessions.ts';
import { BOARD_PATH } from './board.ts';
import { Refusal } from './problem.ts';

export type BoardLinkDeps = {
  readonly access: Access;
  readonly sessions: BoardSessions;
  readonly limitMs: () => number;
};

const LINK_PATH = MAKE_BOARD_LINK.path;

/** The routes of the link. Before the board, which refuses whoever has no session yet. */
export function boardLinkRoutes({ access, sessions, limitMs }: BoardLinkDeps): Router {
  const router = Router();
  const serve = serveOn(router, access);

  serve(MAKE_BOARD_LINK, async ({ caller, request, response, answer }) => {
    const token = await askRedis(limitMs(), async () => {
      return await sessions.makeLink(access.sessionFor(await caller()));
    });
    // The name is one of ALLOWED_HOSTS by now.
    const url = new URL(LINK_PATH, `${request.protocol}://${request.headers.host ?? ''}`);
    url.searchParams.set('token', token);
    response.set('cache-control', 'no-store');
    answer(201, { url: url.toString(), expires_in: LINK_S });
  });

  // Whoever only looks whether a link is there must not use it up.
  router.head(LINK_PATH, () => {
    throw new Refusal('method-not-allowed', 'Open the link with GET.', { headers: { allow: 'GET, POST' } });
  });

  serve(OPEN_BOARD_LINK, async ({ request, response, query, answer }) => {
    const { token } = query();
    const session = await askRedis(limitMs(), async () => {
      const opened = token === undefined ? null : await sessions.open(token);
      if (opened === null) await access.refuseLink(request);
      return opened;
    });
    if (session === null) {
      throw new Refusal('link-gone', `A link opens once, within ${LINK_S} s. Make a new one: POST ${LINK_PATH}.`);
    }
    setSessionCookie(response, session, BOARD_PATH);
    response.set('cache-control', 'no-store').location(BOARD_PATH);
    answer(303);
  });

  return router;
}
