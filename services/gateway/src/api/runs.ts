/** The routes of runs, and of what a run would choose. */
import { RunId } from '@quorum/shared/ids';
import { AgentRunAccepted, AgentRunRequest, AgentRunView, ProposalRanking } from '@quorum/shared/run';
import { RunTimings } from '@quorum/shared/run-timings';
import { SpaceId } from '@quorum/snapshot/proposal';
import { z } from 'zod';
import { IfNoneMatch, NOT_MODIFIED, TAGGED, USUAL, type Route } from './route.ts';

const OfRun = z.object({ id: RunId });
const ofOneRun = { params: OfRun, names: 'run' } as const;

export const START_RUN = {
  ...USUAL,
  id: 'startRun',
  method: 'post',
  path: '/agent-run',
  group: 'Runs',
  summary: 'Start a run',
  details:
    'Of each owner, space and kind (live or dry) there is one run at a time: a second request joins the one under way; while that is being cancelled, or is of the other kind, it is refused. With an Idempotency-Key the same request again, within 24 hours, gets the run that it started, even once that has ended. After a 503 send the same again.',
  role: 'user',
  pays: 'starts',
  headers: z.object({
    'Idempotency-Key': z
      .string()
      .regex(/^[\x21-\x7e]{1,255}$/, { error: 'must be 1 to 255 visible ASCII characters' })
      .optional()
      .describe('Names this request, so that it starts one run however often it is sent'),
    Prefer: z
      .string()
      .optional()
      .describe('`wait=20`: the answer waits so many seconds, 30 at most, for the end of the run (RFC 7240)'),
  }),
  body: AgentRunRequest,
  answers: {
    200: {
      description: 'The run ended while the request waited for it.',
      body: AgentRunView,
      headers: {
        Location: 'Where to poll',
        'Content-Location': 'Where the run is',
        'Preference-Applied': 'For how long it would have waited',
      },
    },
    202: {
      description: 'The run is accepted, or was before.',
      body: AgentRunAccepted,
      headers: { Location: 'Where to poll', 'Retry-After': 'When to look first, in seconds' },
    },
  },
  problems: ['run-conflict', 'run-ending', 'idempotency-key-reused', 'not_found'],
} as const satisfies Route;

export const READ_RUN = {
  ...USUAL,
  ...ofOneRun,
  id: 'readRun',
  method: 'get',
  path: '/agent-run/:id',
  group: 'Runs',
  summary: 'Read a run',
  details: 'Admins read those of every owner.',
  headers: IfNoneMatch,
  answers: {
    200: { description: 'The run as it stands.', body: AgentRunView, headers: TAGGED },
    304: NOT_MODIFIED,
  },
} as const satisfies Route;

export const TIME_RUN = {
  ...USUAL,
  ...ofOneRun,
  id: 'timeRun',
  method: 'get',
  path: '/agent-run/:id/timings',
  group: 'Runs',
  summary: 'See where the time of a run went',
  details:
    'Spans, for as long as the run is kept: its wait, its reading, each call to a model, each step of a vote, and the wait for an answer. One that is under way has no end. Admins read those of every owner.',
  answers: { 200: { description: 'The timings as they stand.', body: RunTimings } },
} as const satisfies Route;

export const CANCEL_RUN = {
  ...USUAL,
  ...ofOneRun,
  id: 'cancelRun',
  method: 'delete',
  path: '/agent-run/:id',
  group: 'Runs',
  summary: 'Cancel a run',
  details: 'Stops every vote that is not reserved yet. What is reserved or cast stays.',
  role: 'user',
  answers: {
    200: { description: 'It was cancelled, and has ended.', body: AgentRunView },
    202: {
      description: 'It is asked to stop, and ends once the votes that it had reserved are settled.',
      body: AgentRunView,
      headers: { Location: 'Where to poll', 'Retry-After': 'When to look first, in seconds' },
    },
  },
  problems: ['run-ended'],
} as const satisfies Route;

export const WATCH_RUN = {
  ...USUAL,
  ...ofOneRun,
  id: 'watchRun',
  method: 'get',
  path: '/agent-run/:id/events',
  group: 'Runs',
  summary: 'Watch a run, step by step',
  details:
    'Server-sent events from the first, until the run ends. More kinds may be added: ignore what you do not know.',
  headers: z.object({
    'Last-Event-ID': z
      .string()
      .optional()
      .describe('The last event that came: what follows it is told, and nothing twice'),
  }),
  answers: {
    200: { description: 'The events; `data` is JSON with `run_id` and `at`.', text: 'text/event-stream' },
    204: { description: 'The run has ended and everything was told: do not come again.' },
  },
  problems: ['too-many-watchers'],
} as const satisfies Route;

export const RANK_PROPOSALS = {
  ...USUAL,
  id: 'rankProposals',
  method: 'get',
  path: '/proposals',
  group: 'Runs',
  summary: 'See what a run would choose now',
  details: 'Reads the space and asks no model. It waits 20 seconds at most.',
  pays: 'starts',
  query: z.strictObject({ space_id: SpaceId }),
  answers: { 200: { description: 'The ranking.', body: ProposalRanking } },
  problems: ['upstream_rejected', 'rate_limited', 'timeout', 'preferences'],
} as const satisfies Route;
