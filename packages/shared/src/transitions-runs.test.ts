import { describe, expect, it } from 'vitest';
import { anOwner, aResponse, aSpace } from '../test/samples.ts';
import { accept, aCase, aRunningRun, auditOf, NOW_MS, useRedis } from '../test/world.ts';
import { createAppointments } from './appointments.ts';
import { newRunId } from './ids.ts';
import { createRecords } from './records.ts';
import { keys, RETENTION_S } from './redis-keys.ts';

const { redis } = useRedis();

describe('accept', () => {
  it('creates a queued run, with its audit record', async () => {
    const one = aCase(redis());
    expect(await accept(one)).toEqual({ kind: 'created', runId: one.runId });
    expect(await createRecords(redis()).run(one.runId)).toMatchObject({
      runId: one.runId,
      owner: one.owner,
      space: one.space,
      dryRun: false,
      state: 'queued',
      acceptedAtMs: NOW_MS,
      startedAtMs: null,
    });
    expect(await auditOf(redis(), keys.auditOwner(one.owner))).toEqual([
      { kind: 'accepted', time: String(NOW_MS), run: one.runId, mode: 'live' },
    ]);
  });

  it('lets a second request of the same kind join the first', async () => {
    const one = aCase(redis());
    await accept(one);
    const second = newRunId();
    expect(await accept(one, { runId: second })).toEqual({ kind: 'joined', runId: one.runId });
    expect(await createRecords(redis()).run(second)).toBeNull();
    expect(await auditOf(redis(), keys.auditOwner(one.owner))).toHaveLength(1);
  });

  it('makes of many requests at once one run', async () => {
    const one = aCase(redis());
    const all = await Promise.all(Array.from({ length: 20 }, () => accept(one, { runId: newRunId() })));
    expect(all.filter(({ kind }) => kind === 'created')).toHaveLength(1);
    expect(all.filter(({ kind }) => kind === 'joined')).toHaveLength(19);
    expect(new Set(all.map(({ runId }) => runId)).size).toBe(1);
  });

  it.for([
    [true, false],
    [false, true],
  ])('refuses a run (dry: %s) while one of the other kind is open', async ([first, second]) => {
    const one = aCase(redis());
    await accept(one, { dryRun: first === true });
    expect(await accept(one, { runId: newRunId(), dryRun: second === true })).toEqual({
      kind: 'conflict',
      runId: one.runId,
    });
  });

  it('keeps owners and spaces apart', async () => {
    const one = aCase(redis());
    await accept(one);
    expect((await accept({ ...one, owner: anOwner() }, { runId: newRunId(), dryRun: true })).kind).toBe('created');
    const elsewhere = { ...one, space: aSpace('other.eth') };
    expect((await accept(elsewhere, { runId: newRunId(), dryRun: true })).kind).toBe('created');
  });

  it('replays what a key was answered, after the end of the run too', async () => {
    const one = aCase(redis());
    await accept(one, { key: 'k: 1' });
    expect(await accept(one, { runId: newRunId(), key: 'k: 1' })).toEqual({ kind: 'replayed', runId: one.runId });
    await one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS);
    expect(await accept(one, { runId: newRunId(), key: 'k: 1' })).toEqual({ kind: 'replayed', runId: one.runId });
    expect((await accept(one, { runId: newRunId(), key: 'k: 2' })).kind).toBe('created');
  });

  it('refuses a key that comes again with another body', async () => {
    const one = aCase(redis());
    await accept(one, { key: 'k', bodyHash: 'a' });
    expect((await accept(one, { runId: newRunId(), key: 'k', bodyHash: 'b' })).kind).toBe('mismatch');
  });

  it('remembers the key of a request that joined', async () => {
    const one = aCase(redis());
    await accept(one);
    await accept(one, { runId: newRunId(), key: 'joined' });
    await one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS);
    expect(await accept(one, { runId: newRunId(), key: 'joined' })).toEqual({ kind: 'replayed', runId: one.runId });
  });

  it('lets nobody join a run that is being cancelled, and remembers no key of who would', async () => {
    const one = aCase(redis());
    await accept(one, { key: 'first' });
    await one.transitions.cancel(one, NOW_MS);
    const refused = { kind: 'ending', runId: one.runId };
    expect(await accept(one, { runId: newRunId() })).toEqual(refused);
    expect(await accept(one, { runId: newRunId(), key: 'late' })).toEqual(refused);
    // Whose run it was is told of it still.
    expect(await accept(one, { runId: newRunId(), key: 'first' })).toEqual({ kind: 'replayed', runId: one.runId });
    expect((await accept(one, { runId: newRunId(), dryRun: true })).kind).toBe('conflict');
    const ended = aResponse(one.runId, { status: 'cancelled' });
    await one.transitions.finish({ owner: one.owner, dryRun: false }, ended, NOW_MS);
    const next = newRunId();
    expect(await accept(one, { runId: next, key: 'late' })).toEqual({ kind: 'created', runId: next });
    expect((await accept(one, { runId: newRunId() })).kind).toBe('joined');
  });

  it('lets others join a run although an earlier one is cancelled', async () => {
    const one = aCase(redis());
    await accept(one);
    await one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS);
    const next = newRunId();
    await accept(one, { runId: next });
    // Somebody put back its record as it was before its end.
    await redis().hset(keys.run(one.runId), 'state', 'running');
    expect(await one.transitions.cancel(one, NOW_MS)).toBe('running');
    expect(await accept(one, { runId: newRunId() })).toEqual({ kind: 'joined', runId: next });
  });

  it("does not mix up two owners' keys, and forgets a key after its time", async () => {
    const [one, other] = [aCase(redis()), aCase(redis())];
    await accept(one, { key: 'same' });
    expect((await accept(other, { key: 'same', bodyHash: 'else' })).kind).toBe('created');
    const left = await redis().ttl(keys.idempotency(one.owner, 'same'));
    expect(left).toBeGreaterThan(RETENTION_S.idempotencyKey - 60);
    expect(left).toBeLessThanOrEqual(RETENTION_S.idempotencyKey);
  });
});

describe('start', () => {
  it('starts a queued run once', async () => {
    const one = aCase(redis());
    await accept(one);
    expect(await one.transitions.start(one.runId, NOW_MS + 5)).toBe('running');
    expect(await one.transitions.start(one.runId, NOW_MS + 9)).toBe('running');
    expect(await createRecords(redis()).run(one.runId)).toMatchObject({ startedAtMs: NOW_MS + 5 });
  });

  it('pins the settings that it is to keep, of a run that starts now alone', async () => {
    const one = aCase(redis());
    await accept(one);
    const start = (value: string) =>
      one.transitions.start(one.runId, NOW_MS, null, { service: 'fetcher', settings: { DEADLINE_LEAD_S: value } });
    const settings = async () => (await createRecords(redis()).run(one.runId))?.settings;
    await start('60');
    await start('90');
    expect(await settings()).toEqual(new Map([['fetcher', { DEADLINE_LEAD_S: '60' }]]));
    await redis().hdel(keys.run(one.runId), 'settings:fetcher');
    await start('90');
    expect(await settings()).toEqual(new Map());
  });

  it('says missing where there is no run, and makes none', async () => {
    const one = aCase(redis());
    expect(await one.transitions.start(one.runId, NOW_MS)).toBe('missing');
    expect(await redis().exists(keys.run(one.runId))).toBe(0);
  });

  it('does not start a run that ended', async () => {
    const one = aCase(redis());
    await accept(one);
    await one.transitions.finish(
      { owner: one.owner, dryRun: false },
      aResponse(one.runId, { status: 'cancelled' }),
      NOW_MS,
    );
    expect(await one.transitions.start(one.runId, NOW_MS)).toBe('cancelled');
  });
});

describe('finish', () => {
  it('stores the response, frees owner and space, and lets the record expire', async () => {
    const one = await aRunningRun(redis());
    const response = aResponse(one.runId, { errors: ['one'] });
    expect(await one.transitions.finish({ owner: one.owner, dryRun: false }, response, NOW_MS + 7)).toMatchObject({
      status: 'completed',
    });
    expect(await createRecords(redis()).run(one.runId)).toMatchObject({
      state: 'completed',
      finishedAtMs: NOW_MS + 7,
      response,
    });
    const left = await redis().ttl(keys.run(one.runId));
    expect(left).toBeGreaterThan(RETENTION_S.finishedRun - 60);
    expect((await accept(one, { runId: newRunId(), dryRun: true })).kind).toBe('created');
  });

  it('leaves an earlier end as it was, and writes no second audit record', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.finish(
      { owner: one.owner, dryRun: false },
      aResponse(one.runId, { errors: ['first'] }),
      NOW_MS,
    );
    const again = aResponse(one.runId, { status: 'failed', errors: ['second'] });
    expect(await one.transitions.finish({ owner: one.owner, dryRun: false }, again, NOW_MS + 1)).toMatchObject({
      status: 'completed',
    });
    const record = await createRecords(redis()).run(one.runId);
    expect(record).toMatchObject({ state: 'completed', finishedAtMs: NOW_MS, response: { errors: ['first'] } });
    const audit = await auditOf(redis(), keys.auditOwner(one.owner));
    expect(audit.map(({ kind }) => kind)).toEqual(['accepted', 'finished']);
    expect(audit[1]).toEqual({ kind: 'finished', time: String(NOW_MS), run: one.runId, state: 'completed' });
  });

  it('does not free what a later run holds', async () => {
    const one = await aRunningRun(redis());
    // As after a Redis that lost its last write: the run is open, and does not hold its space.
    await redis().del(keys.active(one.owner, one.space));
    const later = newRunId();
    expect((await accept(one, { runId: later })).kind).toBe('created');
    for (let times = 0; times < 2; times += 1)
      await one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS);
    expect(await accept(one, { runId: newRunId() })).toEqual({ kind: 'joined', runId: later });
  });

  it('ends a run that never started', async () => {
    const one = aCase(redis());
    await accept(one);
    const response = aResponse(one.runId, { status: 'failed', started_at: null });
    expect(await one.transitions.finish({ owner: one.owner, dryRun: false }, response, NOW_MS)).toMatchObject({
      status: 'failed',
    });
  });

  it('says missing where there is no run, and makes none', async () => {
    const one = aCase(redis());
    expect(await one.transitions.finish({ owner: one.owner, dryRun: false }, aResponse(one.runId), NOW_MS)).toEqual({
      status: 'missing',
      opens: null,
      appointedMs: null,
      replacedMs: null,
    });
    expect(await redis().exists(keys.run(one.runId))).toBe(0);
  });

  it('says which appointment it made, and which it replaced or called off', async () => {
    const one = await aRunningRun(redis());
    const response = { ...aResponse(one.runId), space_id: one.space };
    const appointed = (at: number) => ({ owner: one.owner, space_id: one.space, dry_run: false, at });
    await createAppointments(redis()).make(appointed(NOW_MS + 1));
    const end = (next: number | null) =>
      one.transitions.finish(
        { owner: one.owner, dryRun: false },
        response,
        NOW_MS,
        next === null ? null : appointed(next),
      );
    expect(await end(NOW_MS + 2)).toMatchObject({ appointedMs: NOW_MS + 2, replacedMs: NOW_MS + 1 });
    // The first end stands, and so does what it appointed.
    expect(await end(null)).toMatchObject({ appointedMs: NOW_MS + 2, replacedMs: null });
    const runId = newRunId();
    await accept(one, { runId });
    expect(
      await one.transitions.finish({ owner: one.owner, dryRun: false }, { ...response, run_id: runId }, NOW_MS),
    ).toMatchObject({ appointedMs: null, replacedMs: NOW_MS + 2 });
  });
});
