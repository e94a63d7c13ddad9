import { QuorumError, UpstreamError } from '@quorum/shared/errors';
import { newRunId } from '@quorum/shared/ids';
import { FailedWhy, HeldWhy, SkippedWhy, type Outcome } from '@quorum/shared/outcome';
import { createRecords, type Opening, type RunRecord } from '@quorum/shared/records';
import { keys } from '@quorum/shared/redis-keys';
import { createTransitions } from '@quorum/shared/transitions';
import { contentHash } from '@quorum/snapshot/content-hash';
import type { Proposal } from '@quorum/snapshot/proposal';
import { describe, expect, it } from 'vitest';
import {
  aDecision,
  aHash,
  anAddress,
  LABELS,
  preferences,
  listeningLogger,
  quiet,
} from '../../../packages/shared/test/samples.ts';
import { accept, aRunningRun, type Case, useRedis } from '../../../packages/shared/test/world.ts';
import { anOpening, aProposal, HOUR_S, NOW_MS } from '../test/samples.ts';
import { closeRun, failRun, type CloseDeps } from './close.ts';

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
