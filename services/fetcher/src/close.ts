/**
 * Closes a run: gathers what became of each selected proposal from the records, and says so in one response. It reads records
 * alone, never what a job returned, so that a job that was lost or delivered twice changes nothing.
 */
import type { Appointment, Appointments } from '@quorum/shared/appointments';
import { treatmentOf, type QuorumError } from '@quorum/shared/errors';
import type { RunId } from '@quorum/shared/ids';
import type { Logger } from '@quorum/shared/log';
import type { Notice } from '@quorum/shared/notices';
import type { Outcome } from '@quorum/shared/outcome';
import type { PreferenceStore } from '@quorum/shared/preference-store';
import type { Opening, OutcomeRecord, Records, RunRecord } from '@quorum/shared/records';
import type { AgentRunResponse, RunStatus } from '@quorum/shared/run';
import { fields } from '@quorum/shared/redis-keys';
import type { Finished, Transitions } from '@quorum/shared/transitions';
import type { Proposal, ProposalId } from '@quorum/snapshot/proposal';
import { leftAs } from './left.ts';
import { leftOverNotices, leftOverOf } from './left-over.ts';
import { missedNotices } from './missed.ts';
import { nextRun, type Ended, type Next } from './next.ts';
import { summarise, unopened } from './summarise.ts';

export type CloseDeps = {
  readonly records: Records;
  readonly transitions: Transitions;
  /** The watch of this owner and space, and when its next turn is; null where there is none. */
  readonly watchOf: (run: Pick<RunRecord, 'owner' | 'space'>) => Promise<Ended['watch']>;
  readonly appointments: Pick<Appointments, 'get'>;
  /** Sees to it that the appointment that stands is kept, and none that it replaced. */
  readonly keepAppointment: (
    run: Pick<RunRecord, 'owner' | 'space' | 'dryRun'>,
    appointments: Pick<Finished, 'appointedMs' | 'replacedMs'>,
  ) => Promise<void>;
  /** How many runs may be open at one time. */
  readonly openRunsMost: () => number;
  /** Has a run that waits for its place look again now. */
  readonly bringUp: (runId: RunId) => Promise<void>;
  /** Has its owner told, now or later. */
  readonly tell: (notices: readonly Notice[]) => Promise<void>;
  readonly preferences: Pick<PreferenceStore, 'load'>;
  readonly leadS: number;
  readonly log: Logger;
  readonly now: () => number;
};

/** Ends a run whose proposals have all left it. Returns the final state that stands. */
export async function closeRun(run: RunRecord, opening: Opening, deps: CloseDeps): Promise<RunStatus> {
  const { records, now } = deps;
  const status = run.cancelled ? 'cancelled' : 'completed';
  const outcomes = new Map(
    await Promise.all(
      opening.selected.map(async ({ proposal_id: id }): Promise<[ProposalId, OutcomeRecord]> => {
        const known = run.outcomes.get(id);
        // Its jobs were taken away before they were begun, or crashed for good: no outcome was written, and none can come any more.
        const outcome: Outcome = run.cancelled
          ? { kind: 'skipped', why: 'cancelled' }
          : { kind: 'failed', why: 'internal' };
        return [id, known ?? (await records.settle(run.runId, id, { outcome, settled_at: now() }))];
      }),
    ),
  );
  const [texts, next] = await Promise.all([
    readTexts(opening, deps),
    nextOf(run, { how: status, opening, outcomes }, deps),
    noteLeft(run, opening, outcomes, deps),
  ]);
  const response = summarise(run, opening, outcomes, texts, { status, nextMs: next.checkMs, nowMs: now() });
  await tellMissed(run, opening, outcomes, next.standing, deps);
  return finish(run, response, next, deps);
}

/** Ends a run that could not be carried out. What it had not reserved is not voted any more. */
export async function failRun(run: RunRecord, error: QuorumError, deps: CloseDeps): Promise<RunStatus> {
  const opening = run.opening ?? unopened(run);
  const { words } = treatmentOf(error.category);
  const status = run.cancelled ? 'cancelled' : 'failed';
  // A hub that refuses us (a key that ran out) is mended by somebody, and a deadline may lie behind it: that goes on being tried.
  const failed = error.category === 'validation' ? 'for good' : 'for now';
  const how = run.cancelled ? 'cancelled' : ({ failed } as const);
  const [texts, next] = await Promise.all([
    readTexts(opening, deps),
    nextOf(run, { how, opening: run.opening, outcomes: run.outcomes }, deps),
    noteLeft(run, opening, run.outcomes, deps),
  ]);
  const response = summarise(run, opening, run.outcomes, texts, { status, nextMs: next.checkMs, nowMs: deps.now() });
  await tellMissed(run, opening, run.outcomes, next.standing, deps);
  return finish(run, { ...response, errors: [...response.errors, `${words}: ${error.message}`] }, next, deps);
}

type NextAndStanding = Next & { readonly standing: Appointment | null };

async function nextOf(
  run: RunRecord,
  ended: Pick<Ended, 'how' | 'opening' | 'outcomes'>,
  deps: CloseDeps,
): Promise<NextAndStanding> {
  const [watch, newPreferences, standing] = await Promise.all([
    deps.watchOf(run),
    hasNewPreferences(run, ended.opening, deps),
    standingOf(run, deps),
  ]);
  const { leadS, now } = deps;
  const next = nextRun({ ...ended, dryRun: run.dryRun, watch, newPreferences, standing, leadS, nowMs: now() });
  return { ...next, standing };
}

/** The appointment that stands while a live run ends. What cannot be read is replaced: it must not leave the run open. */
async function standingOf(
  { owner, space, dryRun }: RunRecord,
  { appointments, log }: CloseDeps,
): Promise<Appointment | null> {
  if (dryRun) return null;
  try {
    return await appointments.get(owner, space, dryRun);
  } catch (error) {
    log.error({ err: error, fields: [fields.appointment(owner, space, dryRun)] }, 'appointments cannot be read');
    return null;
  }
}

/**
 * Whether a run that began now would begin with other preferences that can be used; nothing follows of it where no run is to follow.
 * What cannot be read is no reason for another run, and none to leave this one open.
 */
async function hasNewPreferences(
  { owner, dryRun }: RunRecord,
  opening: Opening | null,
  deps: CloseDeps,
): Promise<boolean> {
  if (opening === null || dryRun || opening.dry_run) return false;
  try {
    const stored = await deps.preferences.load(owner);
    return stored.kind !== 'unusable' && stored.version !== opening.preferences_version;
  } catch (error) {
    deps.log.warn({ err: error, owner }, 'preferences not read at the end of a run');
    return false;
  }
}

/**
 * The texts of what was selected; null for one that is gone or cannot be read. It is wanted for the encoding of a ballot alone:
 * a run that cannot end for it would block its owner and space for ever.
 */
async function readTexts(
  opening: Opening,
  { records, log }: CloseDeps,
): Promise<ReadonlyMap<ProposalId, Proposal | null>> {
  const read = async (hash: string): Promise<Proposal | null> => {
    try {
      return await records.proposal(hash);
    } catch (error) {
      log.error({ err: error, content_hash: hash }, 'stored proposal cannot be read');
      return null;
    }
  };
  return new Map(
    await Promise.all(
      opening.selected.map(async ({ proposal_id: id, content_hash: hash }): Promise<[ProposalId, Proposal | null]> => [
        id,
        await read(hash),
      ]),
    ),
  );
}

async function finish(
  run: RunRecord,
  response: AgentRunResponse,
  { appointedMs, ends, standing }: NextAndStanding,
  deps: CloseDeps,
): Promise<RunStatus> {
  const { owner, space, dryRun } = run;
  const endedMs = Date.parse(response.finished_at);
  const left = dryRun ? null : leftOverOf(run, standing, endedMs);
  const appointment: Appointment | null =
    appointedMs === null
      ? null
      : {
          owner,
          space_id: space,
          dry_run: dryRun,
          at: appointedMs,
          ...(ends.length === 0 ? {} : { ends: [...ends] }),
          ...(left === null ? {} : { left_over: left }),
        };
  const most = deps.openRunsMost();
  const finished = await deps.transitions.finish(run, response, endedMs, appointment, most);
  const { status: state, opens } = finished;
  if (opens !== null) await deps.bringUp(opens);
  // Only now: a turn that came before the end would have joined the run that ends here.
  await deps.keepAppointment(run, finished);
  await pack(run, deps);
  const stands = state === 'missing' ? response.status : state;
  deps.log.info(
    {
      status: stands,
      dry_run: response.dry_run,
      votes_cast: response.votes_cast.length,
      decisions: response.decisions.length,
      errors: response.errors.length,
      duration_ms: Math.round(response.execution_time * 1_000),
      next_check_time: response.next_check_time,
    },
    'agent completed',
  );
  return stands;
}

/** What Redis keeps of a run for a month is made small. Where that fails it is large: no run is the worse for it. */
async function pack({ runId }: RunRecord, { records, log }: CloseDeps): Promise<void> {
  try {
    await records.pack(runId);
  } catch (error) {
    log.warn({ err: error, run_id: runId }, 'the record of the run was not packed');
  }
}

/**
 * Notes how a live run left its proposals, before it ends: the run that follows must not begin with the same again. And before its
 * owner is told: who delivers that asks whether the proposal was left by policy, which what an earlier run noted says no more.
 */
async function noteLeft(
  { owner, space, cancelled }: RunRecord,
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, OutcomeRecord>,
  { records, now }: CloseDeps,
): Promise<void> {
  if (opening.dry_run) return;
  const times = { ends: new Map(opening.selected.map(({ proposal_id: id, end }) => [id, end])), nowMs: now() };
  for (const as of ['by_policy', 'in_vain'] as const) {
    const left = hashesOf(opening, outcomes, (outcome) => leftAs(outcome) === as);
    await records.noteDecidedBefore(owner, space, left, opening.preferences_version, as, times);
  }
  if (cancelled) return;
  const undone = opening.selected.filter(({ proposal_id: id }) => {
    const settled = outcomes.get(id);
    return settled === undefined || leftAs(settled.outcome) === 'undone';
  });
  const ids = [...undone, ...(opening.left_over.proposals ?? [])].map(({ proposal_id: id }) => id);
  await records.forgetLeftByPolicy(owner, space, ids);
}

/** Before the run ends: what is told twice is told once, and what is left out nobody would miss. A run that was cancelled was its owner's. */
async function tellMissed(
  run: RunRecord,
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, OutcomeRecord>,
  standing: Appointment | null,
  { tell, leadS, now }: CloseDeps,
): Promise<void> {
  const nowMs = now();
  const own = run.cancelled ? [] : missedNotices(run, opening, outcomes, { leadS, nowMs });
  await tell([...own, ...(run.dryRun ? [] : leftOverNotices(run, standing, nowMs))]);
}

/** The selected proposals with such an outcome, id to content hash. */
function hashesOf(
  opening: Opening,
  outcomes: ReadonlyMap<ProposalId, OutcomeRecord>,
  is: (outcome: Outcome) => boolean,
): ReadonlyMap<ProposalId, string> {
  return new Map(
    opening.selected
      .filter(({ proposal_id: id }) => {
        const settled = outcomes.get(id);
        return settled !== undefined && is(settled.outcome);
      })
      .map(({ proposal_id: id, content_hash: hash }) => [id, hash]),
  );
}
