/** The routes of holds and of the kill switch. */
import { HoldRequest, HoldsQuery, HoldsView, HoldView } from '@quorum/shared/hold-view';
import { HoldId } from '@quorum/shared/ids';
import { VotingRequest, VotingView } from '@quorum/shared/voting';
import { z } from 'zod';
import { USUAL, type Route } from './route.ts';

const ofOneHold = { params: z.object({ id: HoldId }), names: 'hold' } as const;

export const LIST_HOLDS = {
  ...USUAL,
  id: 'listHolds',
  method: 'get',
  path: '/holds',
  group: 'Holds',
  summary: 'List holds',
  details:
    'Admins see those of every owner. A page may be short, or empty, and go on all the same: ask until `next` is null.',
  query: HoldsQuery,
  answers: { 200: { description: 'A page of holds.', body: HoldsView } },
} as const satisfies Route;

export const READ_HOLD = {
  ...USUAL,
  ...ofOneHold,
  id: 'readHold',
  method: 'get',
  path: '/holds/:id',
  group: 'Holds',
  summary: 'Read a hold',
  answers: { 200: { description: 'The hold as it stands.', body: HoldView } },
} as const satisfies Route;

export const ANSWER_HOLD = {
  ...USUAL,
  ...ofOneHold,
  id: 'answerHold',
  method: 'post',
  path: '/holds/:id',
  group: 'Holds',
  summary: 'Approve or reject',
  details:
    'The first word stands: the same again is answered with what stands, another is refused. An admin never answers for somebody else. What is approved goes through every check of a vote again. After a 503 send the same again.',
  role: 'user',
  body: HoldRequest,
  answers: { 200: { description: 'The answer is recorded, or was before.', body: HoldView } },
  problems: [
    'not-your-hold',
    'answers-not-set-up',
    'hold-answered',
    'hold-superseded',
    'hold-under-way',
    'hold-expired',
    'choice-needed',
  ],
} as const satisfies Route;

const switches = {
  ...USUAL,
  method: 'post',
  group: 'Voting',
  role: 'user',
  body: VotingRequest,
  answers: { 200: { description: 'What is in force now.', body: VotingView } },
} as const;

export const READ_VOTING = {
  ...USUAL,
  id: 'readVoting',
  method: 'get',
  path: '/voting',
  group: 'Voting',
  summary: 'See whether votes are sent',
  answers: { 200: { description: 'What is in force.', body: VotingView } },
} as const satisfies Route;

export const PAUSE_VOTING = {
  ...switches,
  id: 'pauseVoting',
  path: '/voting/pause',
  summary: 'Stop voting',
  details: 'From the answer on nothing more is sent. It is counted under no limit. `scope: all` takes an admin.',
  pays: 'nothing',
} as const satisfies Route;

export const RESUME_VOTING = {
  ...switches,
  id: 'resumeVoting',
  path: '/voting/resume',
  summary: 'Resume voting',
  details: 'What was held for the pause is offered again, without asking anybody. `scope: all` takes an admin.',
} as const satisfies Route;
