/** The routes of watches. */
import { WatchesQuery, WatchesView, WatchRequest, WatchView } from '@quorum/shared/watches';
import { SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { USUAL, type Route } from './route.ts';

const ofOneWatch = { params: z.object({ space_id: SpaceId }), path: '/watches/:space_id', group: 'Watches' } as const;

export const LIST_WATCHES = {
  ...USUAL,
  id: 'listWatches',
  method: 'get',
  path: '/watches',
  group: 'Watches',
  summary: 'List your watches',
  query: WatchesQuery,
  answers: { 200: { description: 'A page of watches.', body: WatchesView } },
} as const satisfies Route;

export const READ_WATCH = {
  ...USUAL,
  ...ofOneWatch,
  id: 'readWatch',
  method: 'get',
  summary: 'Read a watch',
  answers: { 200: { description: 'The watch.', body: WatchView } },
  problems: ['not_found'],
} as const satisfies Route;

export const PUT_WATCH = {
  ...USUAL,
  ...ofOneWatch,
  id: 'putWatch',
  method: 'put',
  summary: 'Watch a space',
  details:
    'Takes `cron` or `every_s`, one of the two. An owner has 100 watches at most. After a 503 send the same again.',
  role: 'user',
  body: WatchRequest,
  answers: {
    200: { description: 'The watch was changed.', body: WatchView },
    201: { description: 'The space is watched from now on.', body: WatchView },
  },
} as const satisfies Route;

export const DROP_WATCH = {
  ...USUAL,
  ...ofOneWatch,
  id: 'dropWatch',
  method: 'delete',
  summary: 'Watch a space no more',
  details: 'Runs under way go on.',
  role: 'user',
  answers: { 204: { description: 'It is watched no more.' } },
  problems: ['not_found'],
} as const satisfies Route;
