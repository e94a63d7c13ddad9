/** The routes of what was: lists of runs and of decisions, and the evidence behind a decision. */
import { DecisionsPage, DecisionsQuery, RunsPage, RunsQuery } from '@quorum/shared/history';
import { OwnerId } from '@quorum/shared/ids';
import { z } from 'zod';
import { IfNoneMatch, NOT_MODIFIED, TAGGED, USUAL, type Route } from './route.ts';

const EvidenceHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .describe('The `evidence_hash` of a decision');

/** Of an evidence record, whose it is; the rest is as the decider wrote it (docs/operations/evidence.md). */
export const Evidence = z
  .looseObject({
    decision: z.looseObject({ owner: OwnerId }).describe('The decision, but for its samples, which stand beside it'),
  })
  .describe('The record, whose SHA-256 is its name');

export const LIST_RUNS = {
  ...USUAL,
  id: 'listRuns',
  method: 'get',
  path: '/agent-run',
  group: 'Runs',
  summary: 'List runs',
  details: 'A page may be short, or empty, and go on all the same: ask until `next` is null.',
  headers: IfNoneMatch,
  query: RunsQuery,
  answers: { 200: { description: 'A page of runs.', body: RunsPage, headers: TAGGED }, 304: NOT_MODIFIED },
  problems: ['not_found'],
} as const satisfies Route;

export const LIST_DECISIONS = {
  ...USUAL,
  id: 'listDecisions',
  method: 'get',
  path: '/decisions',
  group: 'Records',
  summary: 'List decisions',
  details: 'With what became of their holds and votes since. A page may be short: ask until `next` is null.',
  headers: IfNoneMatch,
  query: DecisionsQuery,
  answers: { 200: { description: 'A page of decisions.', body: DecisionsPage, headers: TAGGED }, 304: NOT_MODIFIED },
  problems: ['not_found'],
} as const satisfies Route;

export const READ_EVIDENCE = {
  ...USUAL,
  id: 'readEvidence',
  method: 'get',
  path: '/evidence/:hash',
  group: 'Records',
  summary: 'Read the evidence of a decision',
  details: 'To the letter, so that its SHA-256 is its name. It is kept 30 days, or as long as a hold needs it.',
  headers: IfNoneMatch,
  params: z.object({ hash: EvidenceHash }),
  names: 'evidence',
  answers: { 200: { description: 'The record.', body: Evidence, headers: TAGGED }, 304: NOT_MODIFIED },
} as const satisfies Route;
