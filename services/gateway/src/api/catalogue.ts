/** Every route of the API, in the order of the document. Bull Board's pages are for people, and are not of it. */
import { LIST_DECISIONS, LIST_RUNS, READ_EVIDENCE } from './history.ts';
import { ANSWER_HOLD, LIST_HOLDS, PAUSE_VOTING, READ_HOLD, READ_VOTING, RESUME_VOTING } from './holds.ts';
import {
  API_DOCUMENT,
  API_REFERENCE,
  ENTRANCE,
  EXPORT_AUDIT,
  HEALTH,
  LIVE,
  MAKE_BOARD_LINK,
  METRICS,
  OPEN_BOARD_LINK,
  READY,
} from './operation.ts';
import { PATCH_PREFERENCES, PUT_PREFERENCES, READ_PREFERENCES } from './preferences.ts';
import type { Route } from './route.ts';
import { CANCEL_RUN, RANK_PROPOSALS, READ_RUN, START_RUN, TIME_RUN, WATCH_RUN } from './runs.ts';
import { DROP_WATCH, LIST_WATCHES, PUT_WATCH, READ_WATCH } from './watches.ts';
import { DROP_WEBHOOK, LIST_DELIVERIES, PUT_WEBHOOK, READ_WEBHOOK, RESEND_DELIVERY } from './webhook.ts';

export const CATALOGUE: readonly Route[] = [
  START_RUN,
  LIST_RUNS,
  READ_RUN,
  CANCEL_RUN,
  WATCH_RUN,
  TIME_RUN,
  RANK_PROPOSALS,
  LIST_HOLDS,
  READ_HOLD,
  ANSWER_HOLD,
  READ_VOTING,
  PAUSE_VOTING,
  RESUME_VOTING,
  LIST_WATCHES,
  READ_WATCH,
  PUT_WATCH,
  DROP_WATCH,
  READ_PREFERENCES,
  PUT_PREFERENCES,
  PATCH_PREFERENCES,
  READ_WEBHOOK,
  PUT_WEBHOOK,
  DROP_WEBHOOK,
  LIST_DELIVERIES,
  RESEND_DELIVERY,
  LIST_DECISIONS,
  READ_EVIDENCE,
  EXPORT_AUDIT,
  ENTRANCE,
  LIVE,
  READY,
  HEALTH,
  METRICS,
  API_DOCUMENT,
  API_REFERENCE,
  MAKE_BOARD_LINK,
  OPEN_BOARD_LINK,
];

/** Which methods each path has, as `Allow` names them. */
export function methodsByPath(): ReadonlyMap<string, string> {
  const byPath = Map.groupBy(CATALOGUE, ({ path }) => path);
  return new Map([...byPath].map(([path, routes]) => [path, allowOf(routes)]));
}

function allowOf(routes: readonly Route[]): string {
  const methods = routes.map(({ method }) => method.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].toSorted().join(', ');
}
