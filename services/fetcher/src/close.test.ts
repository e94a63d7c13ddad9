import { createAppointments } from '@quorum/shared/appointments';
import { QuorumError, UpstreamError } from '@quorum/shared/errors';
import { newRunId } from '@quorum/shared/ids';
import { wasLeftByPolicy } from '@quorum/shared/left-over';
import { NoticePayload, type Notice } from '@quorum/shared/notices';
import { FailedWhy, HeldWhy, SkippedWhy, type Outcome } from '@quorum/shared/outcome';
import { createRecords, type Opening, type RunRecord } from '@quorum/shared/records';
import { fields, keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import { describe, expect, it, vi } from 'vitest';
import {
  aDecision,
  aHash,
  aProposalId,
  anAddress,
  LABELS,
  preferences,
  listeningLogger,
  quiet,
} from '../../../packages/shared/test/samples.ts';
import { accept, aRunningRun, type Case, useRedis } from '../../../packages/shared/test/world.ts';
import { OPEN_ENDED } from '../test/opening.ts';
import { anOpening, aProposal, HOUR_S, NOW_MS } from '../test/samples.ts';
import { closeRun, failRun, type CloseDeps } from './close.ts';
import { PATIENT } from '../../../test/patience.ts';

const { redis } = useRedis();

type Opened = Case & { readonly deps: CloseDeps; read(): Promise<RunRecord> };

/** A run that is open with these proposals selected. */
async function opened(proposals: readonly Proposal[], given: Partial<Opening> = {}): Promise<Opened> {
  const one = await aRunningRun(redis());
  const records = createRecords(redis());
  await Promise.all(proposals.map((proposal) => records.putProposal(contentHash(proposal), proposal)));
  await records.open(one.runId, anOpening(proposals, given));
  return {
    ...one,
    deps: {
      records,
      transitions: createTransitions(redis()),
      log: quiet,
      watchOf: async () => null,
      appointments: createAppointments(redis()),
      keepAppointment: async () => undefined,
      openRunsMost: () => 100,
      bringUp: async () => undefined,
      tell: async () => undefined,
      preferences: { load: async () => ({ kind: 'stored', preferences: preferences(), version: 'stored' }) },
      leadS: 3_600,
      now: () => NOW_MS,
    },
    async read() {
      const run = await records.run(one.runId);
      if (run === null) throw new Error('the run is gone');
      return run;
    },
  };
}

async function close(run: Opened): Promise<RunRecord> {
  const before = await run.read();
  if (before.opening === null) throw new Error('the run is not open');
  await closeRun(before, before.opening, run.deps);
  return run.read();
}

async function decide(run: Opened, proposal: Proposal): Promise<void> {
  const decision = aDecision({ run_id: run.runId, proposal_id: proposal.id });
  await run.deps.records.decide(run.runId, proposal.id, { kind: 'decided', sealed: { decision, mac: aHash() } });
}

const settle = (run: Opened, proposal: Proposal, outcome: Outcome): Promise<unknown> =>
  run.deps.records.settle(run.runId, proposal.id, { outcome, settled_at: NOW_MS });

const someProposal = (): Proposal => aProposal({ choices: LABELS });

/** Whether the owner may start another run in this space. */
const isFree = async (run: Opened): Promise<boolean> => (await accept(run, { runId: newRunId() })).kind === 'created';

describe('a run that is closed', () => {
  it('stores its response, frees owner and space, and says the same when it is closed again', async () => {
    const proposal = someProposal();
    const run = await opened([proposal]);
    await decide(run, proposal);
    await settle(run, proposal, { kind: 'cast' });
    const closed = await close(run);
    expect(closed).toMatchObject({ state: 'completed', finishedAtMs: NOW_MS });
    expect(closed.response).toMatchObject({ status: 'completed', proposals_analyzed: 1, errors: [] });
    expect(closed.response?.votes_cast).toHaveLength(1);
    expect(Date.parse(closed.response?.finished_at ?? '')).toBe(closed.finishedAtMs);
    await settle(run, proposal, { kind: 'failed', why: 'internal' });
    expect((await close(run)).response).toEqual(closed.response);
    expect(await isFree(run)).toBe(true);
  });

  it('finishes at the time that its response says, however long the rest took', async () => {
    const run = await opened([]);
    let clock = NOW_MS;
    const ticking = { ...run, deps: { ...run.deps, now: () => (clock += 7) } };
    const { response, finishedAtMs } = await close(ticking);
    expect(response?.finished_at).toBe(new Date(finishedAtMs ?? 0).toISOString());
  });

  it('ends a proposal that no job settled as failed, once and for all', async () => {
    const [lost, cast] = [someProposal(), someProposal()];
    const run = await opened([lost, cast]);
    await decide(run, cast);
    await settle(run, cast, { kind: 'cast' });
    const closed = await close(run);
    expect(closed.outcomes.get(lost.id)?.outcome).toEqual({ kind: 'failed', why: 'internal' });
    expect(closed.response?.errors).toEqual([expect.stringMatching(/^No vote on "Repair the breakwater": something/)]);
    expect(closed.response?.votes_cast.map((one) => one.proposal_id)).toEqual([cast.id]);
    await settle(run, lost, { kind: 'cast' });
    expect((await run.read()).outcomes.get(lost.id)?.outcome).toEqual({ kind: 'failed', why: 'internal' });
  });

  it('keeps an outcome that came in just before it was closed', async () => {
    const proposal = someProposal();
    const run = await opened([proposal]);
    const before = await run.read();
    await decide(run, proposal);
    await settle(run, proposal, { kind: 'held', why: 'risk' });
    if (before.opening === null) throw new Error('the run is not open');
    await closeRun(before, before.opening, run.deps);
    expect((await run.read()).outcomes.get(proposal.id)?.outcome).toEqual({ kind: 'held', why: 'risk' });
    expect((await run.read()).response?.errors).toEqual([]);
  });

  it('ends cancelled where it was cancelled', async () => {
    const proposal = someProposal();
    const run = await opened([proposal]);
    await settle(run, proposal, { kind: 'skipped', why: 'cancelled' });
    await run.transitions.cancel(run, NOW_MS);
    const closed = await close(run);
    expect(closed).toMatchObject({ state: 'cancelled', response: { status: 'cancelled', errors: [] } });
    expect(await isFree(run)).toBe(true);
  });

  it('ends even where the text of a proposal cannot be read any more', async () => {
    const proposal = someProposal();
    const run = await opened([proposal]);
    await decide(run, proposal);
    await settle(run, proposal, { kind: 'cast' });
    await redis().set(keys.proposal(contentHash(proposal)), 'no compressed text at all');
    const { log, lines } = listeningLogger();
    const closed = await close({ ...run, deps: { ...run.deps, log } });
    expect(closed.response).toMatchObject({
      status: 'completed',
      votes_cast: [{ proposal_id: proposal.id, choice: null }],
    });
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, content_hash: contentHash(proposal) }));
    expect(await isFree(run)).toBe(true);
  });

  it('without proposals is complete', async () => {
    const run = await opened([]);
    const closed = await close(run);
    expect(closed.response).toMatchObject({ status: 'completed', proposals_analyzed: 0, decisions: [], errors: [] });
  });

  it.for<[Outcome, boolean]>([
    [{ kind: 'held', why: 'stakes' }, true],
    [{ kind: 'held', why: 'voting_paused' }, false],
    [{ kind: 'skipped', why: 'below_confidence' }, true],
    [{ kind: 'skipped', why: 'cancelled' }, false],
    [{ kind: 'skipped', why: 'proposal_changed' }, false],
    [{ kind: 'skipped', why: 'budget' }, false],
    [{ kind: 'failed', why: 'model_output' }, false],
    [{ kind: 'cast' }, false],
  ])('leaves %o out of later runs: %s', async ([outcome, noted]) => {
    for (const dryRun of [false, true]) {
      const proposal = someProposal();
      const run = await opened([proposal], { dry_run: dryRun, preferences_version: 'v1' });
      await decide(run, proposal);
      await settle(run, proposal, outcome);
      await close(run);
      const hashes = new Map([[proposal.id, contentHash(proposal)]]);
      const found = await run.deps.records.decidedBefore(run.owner, run.space, hashes, 'v1');
      expect(found.has(proposal.id)).toBe(noted && !dryRun);
    }
  });
});

describe('what a live run could not vote on', () => {
  it.for<[Outcome, boolean]>([
    [{ kind: 'failed', why: 'model_output' }, true],
    [{ kind: 'failed', why: 'vote_rejected' }, true],
    [{ kind: 'skipped', why: 'not_allowed' }, true],
    [{ kind: 'skipped', why: 'no_voting_power' }, true],
    [{ kind: 'skipped', why: 'already_voted' }, true],
    [{ kind: 'skipped', why: 'budget' }, true],
    [{ kind: 'failed', why: 'upstream_unavailable' }, false],
    [{ kind: 'failed', why: 'signing' }, false],
    [{ kind: 'held', why: 'stakes' }, false],
    [{ kind: 'cast' }, false],
  ])('comes last in later runs for %o: %s', async ([outcome, noted]) => {
    const proposal = someProposal();
    const run = await opened([proposal], { preferences_version: 'v1' });
    await decide(run, proposal);
    await settle(run, proposal, outcome);
    await close(run);
    const hashes = new Map([[proposal.id, contentHash(proposal)]]);
    const found = await run.deps.records.decidedBefore(run.owner, run.space, hashes, 'v1', 'in_vain');
    expect(found.has(proposal.id)).toBe(noted);
  });

  it('is noted while what else the end needs is read', async () => {
    const proposal = someProposal();
    const run = await opened([proposal], { preferences_version: 'v1' });
    await settle(run, proposal, { kind: 'failed', why: 'vote_rejected' });
    const hashes = new Map([[proposal.id, contentHash(proposal)]]);
    const isNoted = async () =>
      (await run.deps.records.decidedBefore(run.owner, run.space, hashes, 'v1', 'in_vain')).size === 1;
    const watchOf = async () => {
      await vi.waitUntil(isNoted, PATIENT);
      return null;
    };
    expect((await close({ ...run, deps: { ...run.deps, watchOf } })).state).toBe('completed');
  });
});

describe('what an earlier run left by policy, under other preferences', () => {
  const AWAY: Outcome = { kind: 'failed', why: 'upstream_unavailable' };

  /** A run under new preferences, of whose proposal an earlier one had noted this. */
  async function takenUpAgain(proposal: Proposal, as: 'by_policy' | 'in_vain', given: Partial<Opening> = {}) {
    const run = await opened([proposal], { voter: anAddress(), preferences_version: 'v2', ...given });
    const hashes = new Map([[proposal.id, contentHash(proposal)]]);
    await run.deps.records.noteDecidedBefore(run.owner, run.space, hashes, 'v1', as, OPEN_ENDED);
    return run;
  }

  const isNoted = (run: Opened, proposal: Proposal): Promise<boolean> =>
    wasLeftByPolicy(redis(), run.owner, run.space, proposal.id);

  it.for<[string, Outcome | null, boolean]>([
    ['failed', AWAY, false],
    ['was over the cap', { kind: 'skipped', why: 'vote_cap' }, false],
    ['changed on the way', { kind: 'skipped', why: 'proposal_changed' }, false],
    ['has no outcome, since the run was lost', null, false],
    ['is cast', { kind: 'cast' }, true],
    ['is left by policy again', { kind: 'skipped', why: 'risk' }, true],
  ])('counts no more for what %s: nobody would hear of a missed deadline', async ([, outcome, stays]) => {
    const proposal = someProposal();
    const run = await takenUpAgain(proposal, 'by_policy');
    if (outcome !== null) await settle(run, proposal, outcome);
    expect(await isNoted(run, proposal)).toBe(true);
    if (outcome === null) await failRun(await run.read(), new QuorumError('internal', 'Broken.'), run.deps);
    else await close(run);
    expect(await isNoted(run, proposal)).toBe(stays);
  });

  it('is forgotten before the owner is told: what is told of looks for it', async () => {
    const proposal = aProposal({ choices: LABELS, end: NOW_MS / 1_000 + 600 });
    const run = await takenUpAgain(proposal, 'by_policy');
    await settle(run, proposal, AWAY);
    const told: [string, boolean][] = [];
    const tell: CloseDeps['tell'] = async (notices) => {
      for (const { payload } of notices) told.push([payload.event, await isNoted(run, proposal)]);
    };
    await close({ ...run, deps: { ...run.deps, tell } });
    expect(told).toEqual([
      ['vote_failed', false],
      ['deadline_missed', false],
    ]);
  });

  it.for<[string, Partial<Opening>, boolean]>([
    ['a run that casts nothing', { dry_run: true }, false],
    ['a run that its owner cancelled', {}, true],
  ])('stands after %s', async ([, given, cancelled]) => {
    const proposal = someProposal();
    const run = await takenUpAgain(proposal, 'by_policy', given);
    if (cancelled) await run.transitions.cancel(run, NOW_MS);
    await settle(run, proposal, cancelled ? { kind: 'skipped', why: 'cancelled' } : { kind: 'simulated' });
    await close(run);
    expect(await isNoted(run, proposal)).toBe(true);
  });

  it('is all that is forgotten: what was tried in vain still comes last', async () => {
    const proposal = someProposal();
    const run = await takenUpAgain(proposal, 'in_vain');
    await settle(run, proposal, AWAY);
    await close(run);
    const hashes = new Map([[proposal.id, contentHash(proposal)]]);
    expect(await run.deps.records.decidedBefore(run.owner, run.space, hashes, 'v1', 'in_vain')).toEqual(
      new Set([proposal.id]),
    );
  });
});

describe('a run that another follows at once', () => {
  const current = { preferences_version: 'stored' };
  const outcomes: readonly Outcome[] = [
    { kind: 'cast' },
    ...HeldWhy.options.map((why): Outcome => ({ kind: 'held', why })),
    ...SkippedWhy.options.map((why): Outcome => ({ kind: 'skipped', why })),
    ...FailedWhy.options.map((why): Outcome => ({ kind: 'failed', why })),
  ];

  it.for(['closed', 'failed'] as const)(
    'has noted what got it on, or the next would begin with the same again (%s)',
    async (how) => {
      const followed: Outcome[] = [];
      for (const outcome of outcomes) {
        const proposal = someProposal();
        const soon = NOW_MS / 1_000 + 600;
        const run = await opened([proposal], { voter: anAddress(), left_over: { all: soon, fresh: soon }, ...current });
        await settle(run, proposal, outcome);
        if (how === 'closed') await close(run);
        else await failRun(await run.read(), new QuorumError('internal', 'Broken.'), run.deps);
        const { response, opening } = await run.read();
        if (Date.parse(response?.next_check_time ?? '') !== NOW_MS) continue;
        followed.push(outcome);
        const hashes = new Map([[proposal.id, contentHash(proposal)]]);
        const noted = await Promise.all(
          (['by_policy', 'in_vain'] as const).map((as) =>
            run.deps.records.decidedBefore(run.owner, run.space, hashes, opening?.preferences_version ?? '', as),
          ),
        );
        expect(outcome.kind === 'cast' || noted.some(({ size }) => size === 1), JSON.stringify(outcome)).toBe(true);
      }
      expect(followed.length).toBeGreaterThan(10);
    },
  );

  it.for([
    ['others by now', 'earlier', NOW_MS],
    ['those that it began with', 'stored', NOW_MS + 23 * HOUR_S * 1_000],
  ] as const)(
    'began with other preferences than the voter service found, and they are %s',
    async ([, version, next]) => {
      const proposal = someProposal();
      const run = await opened([proposal], { voter: anAddress(), preferences_version: version });
      await settle(run, proposal, { kind: 'skipped', why: 'preferences' });
      const { response } = await close(run);
      expect(Date.parse(response?.next_check_time ?? '')).toBe(next);
    },
  );
});

describe('a run that failed', () => {
  const down = new UpstreamError('upstream_unavailable', 'hub', "Snapshot's hub gave no usable answer: 503");

  it('before it opened ends with zero counts and the error in words', async () => {
    const one = await aRunningRun(redis());
    const { deps, read } = await opened([]);
    const run = await deps.records.run(one.runId);
    if (run === null) throw new Error('the run is gone');
    expect(await failRun(run, down, deps)).toBe('failed');
    const failed = await deps.records.run(one.runId);
    expect(failed?.response?.errors).toEqual([
      "A service that Quorum needs does not answer: Snapshot's hub gave no usable answer: 503",
    ]);
    expect(failed?.response?.filter_metrics.fetched).toBe(0);
    expect((await accept(one, { runId: newRunId() })).kind).toBe('created');
    expect((await read()).state).toBe('running');
  });

  it.for([
    ['a hub that refuses us, which its operator or ours can mend', 'upstream_rejected', 15],
    ['a space that does not exist', 'validation', null],
  ] as const)(
    'before it opened is tried again later, but for what only the owner can mend: %s',
    async ([, category, minutes]) => {
      const one = await aRunningRun(redis());
      const { deps } = await opened([]);
      const run = await deps.records.run(one.runId);
      if (run === null) throw new Error('the run is gone');
      await failRun(run, new QuorumError(category, 'No.'), deps);
      const next = (await deps.records.run(one.runId))?.response?.next_check_time ?? null;
      expect(next).toBe(minutes === null ? null : new Date(NOW_MS + minutes * 60_000).toISOString());
    },
  );

  it('before it opened keeps the appointment in time for what an earlier run left', async () => {
    const end = NOW_MS / 1_000 + 870;
    const first = await opened([aProposal({ choices: LABELS, end })], { voter: anAddress() });
    const { appointments } = first.deps;
    await close(first);
    const made = await appointments.get(first.owner, first.space, false);
    expect(made).toMatchObject({ at: NOW_MS + 435_000, ends: [end] });
    // What stands is for then; the hub is away, and then it knows of no space.
    const kept: number[] = [];
    let now = NOW_MS;
    for (const error of [down, new QuorumError('validation', 'There is no such space.')]) {
      now += 436_000 / 2;
      const runId = newRunId();
      await accept(first, { runId });
      const run = await first.deps.records.run(runId);
      if (run === null) throw new Error('the run is gone');
      await failRun(run, error, { ...first.deps, now: () => now });
      const stands = await appointments.get(first.owner, first.space, false);
      expect(stands?.ends).toEqual([end]);
      kept.push((stands?.at ?? NaN) - NOW_MS);
    }
    expect(kept).toEqual([435_000, (436_000 + 870_000) / 2]);
  });

  describe('after one that left something over', () => {
    const END = NOW_MS / 1_000 + 870;
    const at = (leftS: number): number => (END - leftS) * 1_000;

    /** A run that opened, left one over and ended; what is told from then on. */
    async function leftOver(given: Partial<Opening['left_over']> = {}) {
      const left = { proposal_id: aProposalId(), end: END };
      const first = await opened([], {
        voter: anAddress(),
        preferences_version: 'v2',
        left_over: { all: END, fresh: END, proposals: [left], ...given },
      });
      const hashes = new Map([[left.proposal_id, aHash()]]);
      await first.deps.records.noteDecidedBefore(first.owner, first.space, hashes, 'v1', 'by_policy', OPEN_ENDED);
      const told: Notice[] = [];
      const deps: CloseDeps = { ...first.deps, tell: async (notices) => void told.push(...notices) };
      await close({ ...first, deps });
      const stands = () => deps.appointments.get(first.owner, first.space, false);
      /** Another run, which ends at that time. */
      async function another(nowMs: number, opening: Partial<Opening> | null, cancelled = false): Promise<RunRecord> {
        const runId = newRunId();
        await accept(first, { runId });
        if (cancelled) await first.transitions.cancel({ ...first, runId }, nowMs);
        if (opening !== null) await deps.records.open(runId, anOpening([], { voter: anAddress(), ...opening }));
        const run = await deps.records.run(runId);
        if (run === null) throw new Error('the run is gone');
        const then = { ...deps, now: () => nowMs };
        if (run.opening === null) await failRun(run, down, then);
        else await closeRun(run, run.opening, then);
        return run;
      }
      const notice = (runId: string, delayMs: number): Notice => ({
        payload: NoticePayload.parse({
          event: 'deadline_missed',
          owner: first.owner,
          space_id: first.space,
          proposal_id: left.proposal_id,
          run_id: runId,
        }),
        delayMs,
      });
      return { first, left, told, stands, another, notice };
    }

    it('tells of it once it has closed, and not before, as long as none opens', async () => {
      const { first, left, told, stands, another, notice } = await leftOver();
      expect((await stands())?.left_over).toEqual({ run_id: first.runId, proposals: [left] });
      await another(at(400), null);
      expect((await stands())?.left_over).toEqual({ run_id: first.runId, proposals: [left] });
      expect(told).toEqual([]);
      await another(at(-20), null);
      expect(told).toEqual([notice(first.runId, 100_000)]);
      expect((await stands())?.left_over).toBeUndefined();
      // What was skipped once under other preferences would keep the notice from being sent.
      expect(await wasLeftByPolicy(redis(), first.owner, first.space, left.proposal_id)).toBe(false);
    });

    it('tells of it where the first that opens comes too late to see it', async () => {
      const { first, told, another, notice } = await leftOver();
      await another(at(-300), { opened_at: at(-200) });
      expect(told).toEqual([notice(first.runId, 0)]);
    });

    it('has it told after its close where one is cancelled before it opened: its end calls the next run off', async () => {
      const { first, told, stands, another, notice } = await leftOver();
      await another(at(400), null, true);
      expect(await stands()).toBeNull();
      expect(told).toEqual([notice(first.runId, 520_000)]);
    });

    it('leaves it to its owner where one is cancelled that had opened and seen it', async () => {
      const { told, another } = await leftOver();
      await another(at(400), { opened_at: at(500) }, true);
      expect(told).toEqual([]);
    });

    it('tells nothing where one has opened and found nothing more to do', async () => {
      const { told, stands, another } = await leftOver();
      await another(at(-300), { opened_at: at(10) });
      expect(told).toEqual([]);
      expect(await stands()).toBeNull();
    });

    it('tells of what one left over again that ended only after the close', async () => {
      const { left, told, another, notice } = await leftOver();
      const again = { all: END, fresh: END, proposals: [left] };
      const { runId } = await another(at(-30), { opened_at: at(200), left_over: again });
      expect(told).toEqual([notice(runId, 90_000)]);
    });
  });

  it('ends where the appointment that stands cannot be read', async () => {
    const run = await opened([]);
    await redis().hset(keys.appointments(), fields.appointment(run.owner, run.space, false), 'no appointment');
    const { log, lines } = listeningLogger();
    await close({ ...run, deps: { ...run.deps, log } }).catch(() => undefined);
    expect((await run.read()).state).toBe('completed');
    expect(lines).toContainEqual(expect.objectContaining({ level: 50, msg: 'appointments cannot be read' }));
  });

  it('after it opened keeps what was settled and what the opening said', async () => {
    const [cast, open] = [someProposal(), someProposal()];
    const run = await opened([cast, open], { errors: ['said at the opening'] });
    await decide(run, cast);
    await settle(run, cast, { kind: 'cast' });
    await failRun(await run.read(), down, run.deps);
    const { response, state } = await run.read();
    expect(state).toBe('failed');
    expect(response?.votes_cast.map((one) => one.proposal_id)).toEqual([cast.id]);
    expect(response?.errors).toEqual(['said at the opening', expect.stringMatching(/^A service that Quorum needs/)]);
  });

  it('changes nothing about a run that has ended', async () => {
    const run = await opened([]);
    const closed = await close(run);
    expect(await failRun(await run.read(), down, run.deps)).toBe('completed');
    expect((await run.read()).response).toEqual(closed.response);
  });
});
