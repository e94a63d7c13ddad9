import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aHash, anOwner, aProposalId, aSpace, anAddress } from '../test/samples.ts';
import { DeliveryId, holdIdOf, newRunId, OwnerId, RunId, upstreamId } from './ids.ts';
import { deadlinePriority, jobIds, jobOptions, JOBS, jobsOn, QUEUES } from './jobs.ts';
import { BULL_PREFIX, keys, RETENTION_S } from './redis-keys.ts';

const NAMES = Object.keys(JOBS);
const Field = z.object({ const: z.unknown().optional(), enum: z.array(z.unknown()).optional() });
const Shape = z.object({ properties: z.record(z.string(), Field).optional() });
const Shapes = Shape.extend({ oneOf: z.array(Shape).optional() });

describe('the catalogue', () => {
  it('has a queue for every job, and a job for every queue', () => {
    expect(new Set(Object.values(JOBS).map(({ queue }) => queue))).toEqual(new Set(QUEUES));
    expect(new Set(QUEUES).size).toBe(QUEUES.length);
    expect(QUEUES.flatMap(jobsOn).toSorted()).toEqual(NAMES.toSorted());
  });

  const filled = (): Record<string, unknown> => ({
    run_id: newRunId(),
    proposal_id: aProposalId(),
    content_hash: aHash(),
    vote_id: `0x${aHash()}`,
    step: 'fetch',
    owner: anOwner(),
    space_id: aSpace(),
    dry_run: false,
    at: 1_795_000_000_000,
    event: 'closing_too_soon',
    hold_id: holdIdOf(newRunId(), aProposalId()),
    alias: anAddress(),
    expires_at: 1_795_000_000,
    days: 7,
  });

  it.for(Object.entries(JOBS))('%s carries references and steps alone: no text fits in', ([, job]) => {
    const text = 'Repair the breakwater: vote For, said 0xdeadbeef to all.';
    const schema: z.ZodType = job.payload;
    const { properties, oneOf } = Shapes.parse(z.toJSONSchema(schema, { io: 'input' }));
    for (const shape of oneOf ?? [{ properties }]) {
      const payload = Object.fromEntries(
        Object.entries(shape.properties ?? {}).map(([field, { const: fixed, enum: values }]) => [
          field,
          fixed ?? values?.[0] ?? filled()[field],
        ]),
      );
      expect(schema.safeParse(payload).success).toBe(true);
      for (const field of Object.keys(payload)) {
        expect(schema.safeParse({ ...payload, [field]: text }).success).toBe(false);
      }
      expect(schema.safeParse({ ...payload, note: text }).success).toBe(false);
    }
  });

  it.for(Object.entries(JOBS))('%s has a time limit, and is kept for a while and no longer', ([, job]) => {
    expect(job.timeoutMs).toBeGreaterThan(0);
    expect(job.keepS).toBeGreaterThan(0);
    expect(job.keepS).toBeLessThanOrEqual(60 * 60);
  });

  it('takes attempts and waits from the configuration, but where the job bounds itself', () => {
    const settings = { maxRetryAttempts: 4, retryDelayS: 2.5 };
    const attempts = (['agent-run', 'decide', 'vote', 'watchdog'] as const).map(
      (name) => jobOptions(name, settings).attempts,
    );
    expect(attempts).toEqual([4, 4, 5, 1]);
    expect(jobOptions('decide', settings)).toMatchObject({
      backoff: { type: 'exponential', delay: 2_500 },
      removeOnComplete: { age: 60 * 60, count: 10_000 },
      removeOnFail: { age: 60 * 60, count: 10_000 },
    });
  });

  it('ends a decide as a value, also where it failed', () => {
    expect(JOBS.decide.result.parse({ kind: 'failed', why: 'model_output' })).toBeDefined();
    expect(JOBS.decide.result.safeParse({ kind: 'failed', why: 'bad luck' }).success).toBe(false);
  });
});

describe('the priority of a job', () => {
  const NOW_MS = Date.UTC(2026, 10, 20);
  const inMinutes = (minutes: number): number => deadlinePriority(NOW_MS / 1_000 + minutes * 60, NOW_MS);

  it('is the minutes to the end', () => {
    expect([1, 10, 24 * 60].map(inMinutes)).toEqual([1, 10, 1_440]);
    expect(inMinutes(9.5)).toBe(10);
  });

  it('stays in what BullMQ takes, and never puts first what ends later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 0, max: 2 ** 40 }), (one, other) => {
        const [early, late] = [Math.min(one, other), Math.max(one, other)].map((end) => deadlinePriority(end, NOW_MS));
        expect(Number.isInteger(early)).toBe(true);
        expect(early).toBeGreaterThanOrEqual(1);
        expect(late).toBeLessThanOrEqual(2_097_151);
        expect(early).toBeLessThanOrEqual(late ?? 0);
      }),
    );
  });
});

describe('ids', () => {
  it('of jobs are such as BullMQ takes, and each job of a run has its own', () => {
    const [run, other, proposal] = [newRunId(), newRunId(), aProposalId()];
    const ids = [run, other].flatMap((id) => [
      jobIds.run(id),
      jobIds.decide(id, proposal),
      jobIds.vote(id, proposal),
      jobIds.vote(id, aProposalId()),
    ]);
    expect(new Set(ids).size).toBe(ids.length);
    const appointment = { owner: anOwner(), space_id: aSpace('ünion.eth'), dry_run: false, at: 1 };
    ids.push(jobIds.appointment(appointment), jobIds.appointment({ ...appointment, dry_run: true }));
    ids.push(jobIds.appointment({ ...appointment, at: 2 }), jobIds.appointment({ ...appointment, owner: anOwner() }));
    const notice = { owner: anOwner(), space_id: aSpace(), proposal_id: proposal, run_id: run } as const;
    ids.push(jobIds.notify({ ...notice, event: 'closing_too_soon' }));
    ids.push(...[run, other].map((run_id) => jobIds.notify({ ...notice, run_id, event: 'settled_later' })));
    const alias = { event: 'alias_expiring', owner: notice.owner, alias: anAddress(), expires_at: 1 } as const;
    ids.push(...[7, 1].map((days) => jobIds.notify({ ...alias, days })));
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^(?=.*\D)[^:]+$/);
  });

  it('of runs are UUIDs', () => {
    expect(RunId.safeParse(newRunId()).success).toBe(true);
    expect(newRunId()).not.toBe(newRunId());
    for (const id of ['', '1', 'a:b', `${newRunId()} `]) expect(RunId.safeParse(id).success).toBe(false);
  });

  it.for([
    ['owner', true],
    ['a-1', true],
    ['x'.repeat(64), true],
    ['x'.repeat(65), false],
    ['', false],
    ['Owner', false],
    ['a:b', false],
    ['../a', false],
    ['a\n', false],
  ] as const)('of an owner may be %j: %s', ([id, fits]) => {
    expect(OwnerId.safeParse(id).success).toBe(fits);
  });
});

describe('Redis keys', () => {
  it('are all under one prefix, and none is like those of BullMQ', () => {
    for (const key of someKeys()) {
      expect(key.startsWith('{quorum}:')).toBe(true);
      expect(key.startsWith(`${BULL_PREFIX}:`)).toBe(false);
    }
  });

  it('differ, one record from another', () => {
    const all = [...someKeys(), ...someKeys()];
    // mode, voting:global, api-keys, signers, open-runs, appointments, watches, webhooks, undelivered, stops and ends are the same for everybody
    expect(new Set(all).size).toBe(all.length - 17);
  });

  it('keep what a client chose out of the parts of a key', () => {
    const owner = OwnerId.parse('a');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        const key = keys.idempotency(owner, one);
        expect(key.split(':')).toHaveLength(4);
        expect(key === keys.idempotency(owner, other)).toBe(one === other);
        expect(key).not.toBe(keys.idempotency(OwnerId.parse('b'), other));
      }),
    );
    expect(keys.idempotency(owner, 'b:c')).not.toContain('b:c');
  });

  it('are told from one another for spaces of any script', () => {
    const owner = anOwner();
    const spaces = ['harbour.eth', 'ünion.eth', '🦄.eth', '1.eth'].map((name) => aSpace(name));
    expect(new Set(spaces.map((space) => keys.active(owner, space))).size).toBe(spaces.length);
    const [voter, proposal] = [anAddress(), aProposalId()];
    for (const space of spaces) expect(keys.ledger(voter, space, proposal).split(':')).toHaveLength(5);
  });

  it('of what need not be remembered for ever have an end', () => {
    for (const seconds of Object.values(RETENTION_S)) expect(seconds).toBeGreaterThanOrEqual(60 * 60);
  });
});

/** One key of each kind, for an owner, run, voter, space and proposal of its own. */
function someKeys(): string[] {
  const [owner, run, voter, proposal, space] = [anOwner(), newRunId(), anAddress(), aProposalId(), aSpace()];
  const upstream = upstreamId('https://hub.example', owner);
  const all = {
    run: keys.run(run),
    runEvents: keys.runEvents(run),
    watching: keys.watching(aHash()),
    active: keys.active(owner, space),
    openRuns: keys.openRuns(),
    runs: keys.runs(),
    runsOf: keys.runsOf(owner),
    decidedRuns: keys.decidedRuns(),
    decidedRunsOf: keys.decidedRunsOf(owner),
    appointments: keys.appointments(),
    watches: keys.watches(),
    stops: keys.stops(),
    ends: keys.ends(),
    idempotency: keys.idempotency(owner, 'key'),
    proposal: keys.proposal(aHash()),
    evidence: keys.evidence(aHash()),
    decidedBefore: keys.decidedBefore(owner, space),
    signers: keys.signers(),
    preferences: keys.preferences(owner),
    preferencesLastGood: keys.preferencesLastGood(owner),
    preferencesVersion: keys.preferencesVersion(owner),
    heartbeat: keys.heartbeat('voter', aHash()),
    heartbeats: keys.heartbeats(),
    probing: keys.probing('voter', upstream),
    mode: keys.mode(),
    votingGlobal: keys.votingGlobal(),
    votingOwner: keys.votingOwner(owner),
    hold: keys.hold(holdIdOf(run, proposal)),
    standingHold: keys.standingHold(owner, space, proposal),
    holds: keys.holds(),
    holdsOf: keys.holdsOf(owner),
    openHolds: keys.openHolds(),
    ledger: keys.ledger(voter, space, proposal),
    cap: keys.cap(voter, '2026-11-20'),
    budgetRun: keys.budgetRun(run),
    budgetOwner: keys.budgetOwner(owner, '2026-11-20'),
    budgetDay: keys.budgetDay('2026-11-20'),
    answers: keys.answers(owner, aHash()),
    apiKeys: keys.apiKeys(),
    limitOfOwner: keys.limitOfOwner('reads', owner),
    limitOfAddress: keys.limitOfAddress('reads', aHash()),
    boardLink: keys.boardLink(aHash()),
    boardSession: keys.boardSession(aHash()),
    gate: keys.gate(upstream),
    sends: keys.sends(upstream),
    listing: keys.listing(upstream, space),
    reading: keys.reading(upstream, space),
    power: keys.power(upstream, voter, proposal),
    overriding: keys.overriding(upstream),
    webhooks: keys.webhooks(),
    delivery: keys.delivery(DeliveryId.parse(`hold_created-${aHash()}`)),
    deliveries: keys.deliveries(owner, 'dead'),
    undelivered: keys.undelivered(),
    sending: keys.sending(owner),
    auditOwner: keys.auditOwner(owner),
    auditVoter: keys.auditVoter(voter),
    auditChain: keys.auditChain(voter),
    voterOwners: keys.voterOwners(voter),
  } satisfies Record<keyof typeof keys, string>;
  return Object.values(all);
}
