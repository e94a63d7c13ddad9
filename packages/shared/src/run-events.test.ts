import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aSubject } from '../test/holds.ts';
import { aDecision, aHash, aProposalId, aResponse, filterMetrics, openingOf } from '../test/samples.ts';
import { accept, aCase, aRunningRun, type Case, NOW_MS, useRedis, vote } from '../test/world.ts';
import { newRunId } from './ids.ts';
import type { ProposalId } from '@quorum/snapshot/proposal';
import { createRecords, type OutcomeRecord } from './records.ts';
import { keys, RETENTION_S } from './redis-keys.ts';
import { eventArgs, EVENTS_KEPT, parseEvent, RunEvent } from './run-events.ts';

const { redis } = useRedis();
const records = () => createRecords(redis());
const cast: OutcomeRecord = { outcome: { kind: 'cast' }, settled_at: NOW_MS };

async function told({ runId }: Pick<Case, 'runId'>): Promise<RunEvent[]> {
  return ((await records().runAndEvents(runId))?.events ?? []).map(({ event }) => event);
}

const kinds = async (one: Pick<Case, 'runId'>): Promise<string[]> => (await told(one)).map(({ kind }) => kind);

const settle = (one: Case, record: OutcomeRecord, proposal = one.proposal) =>
  one.transitions.settle({ ...one, proposal, record, held: null, nowMs: NOW_MS });

const finish = (one: Case) =>
  one.transitions.finish({ owner: one.owner, dryRun: false }, { ...aResponse(one.runId), space_id: one.space }, NOW_MS);

/** A live run that casts one vote for each of these proposals. */
async function wholeRun(one: Case, proposals: readonly ProposalId[]): Promise<void> {
  await records().open(one.runId, openingOf(proposals));
  for (const proposal of proposals) {
    const ours = vote({ ...one, proposal }, { voteId: aHash() });
    await records().deciding(one.runId, proposal);
    await records().decide(one.runId, proposal, { kind: 'decided', sealed: { decision: aDecision(), mac: aHash() } });
    await one.transitions.reserve(ours);
    await one.transitions.maySend(ours);
    await one.transitions.confirm(ours, { state: 'cast', receipt: null });
    await settle(one, cast, proposal);
  }
  await finish(one);
}

describe('the events of a run', () => {
  it('tell each step of a live run, in order', async () => {
    const one = await aRunningRun(redis());
    const { proposal: proposal_id, space } = one;
    await wholeRun(one, [proposal_id]);
    const { ranked: _, ...counts } = filterMetrics({ fetched: 1, selected: 1 });
    expect(await told(one)).toEqual([
      { kind: 'accepted', space_id: space, dry_run: false },
      { kind: 'started' },
      { kind: 'fetched', ...counts },
      { kind: 'selected', dry_run: false, proposals: [{ proposal_id, title: 'Repair the breakwater' }] },
      { kind: 'deciding', proposal_id },
      { kind: 'decided', proposal_id },
      { kind: 'reserved', proposal_id, vote_id: expect.stringMatching(/^[0-9a-f]{64}$/) },
      { kind: 'sent', proposal_id },
      { kind: 'cast', proposal_id },
      { kind: 'finished', status: 'completed' },
    ]);
  });

  it('tell a hold by the id under which it is answered', async () => {
    const one = await aRunningRun(redis());
    const subject = aSubject(one, { nowMs: NOW_MS });
    const record: OutcomeRecord = { outcome: { kind: 'held', why: 'stakes' }, settled_at: NOW_MS };
    await one.transitions.settle({ ...one, record, held: { subject, why: 'stakes' }, nowMs: NOW_MS });
    expect((await told(one)).at(-1)).toEqual({
      kind: 'held',
      proposal_id: one.proposal,
      why: 'stakes',
      hold_id: subject.hold_id,
    });
  });

  it('tell a decision that failed, and every outcome of a dry run', async () => {
    const one = await aRunningRun(redis(), { dryRun: true });
    const usage = { calls: 1, input_tokens: 2, output_tokens: 3, cost_usd: null };
    await records().decide(one.runId, one.proposal, { kind: 'failed', why: 'timeout', detail: 'late', usage });
    const [a, b] = [aProposalId(), aProposalId()];
    await records().settle(one.runId, one.proposal, { outcome: { kind: 'failed', why: 'timeout' }, settled_at: 1 });
    await records().settle(one.runId, a, { outcome: { kind: 'simulated' }, settled_at: 1 });
    await records().settle(one.runId, b, { outcome: { kind: 'held', why: 'stakes' }, settled_at: 1 });
    expect((await told(one)).slice(2)).toEqual([
      { kind: 'decided', proposal_id: one.proposal, why: 'timeout' },
      { kind: 'failed', proposal_id: one.proposal, why: 'timeout' },
      { kind: 'simulated', proposal_id: a },
      { kind: 'held', proposal_id: b, why: 'stakes' },
    ]);
  });

  it('tell what is written once only once, however many write it', async () => {
    const one = await aRunningRun(redis());
    const opening = openingOf([one.proposal]);
    const many = <T>(what: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, what));
    await many(() => one.transitions.start(one.runId, NOW_MS));
    await many(() => records().open(one.runId, opening));
    await many(() => one.transitions.cancel(one, NOW_MS));
    await many(() => settle(one, { outcome: { kind: 'skipped', why: 'cancelled' }, settled_at: NOW_MS }));
    await many(() => records().settle(one.runId, one.proposal, cast));
    await many(() => finish(one));
    await many(() => accept(one, { runId: newRunId(), key: 'again' }));
    expect(await kinds(one)).toEqual([
      'accepted',
      'started',
      'fetched',
      'selected',
      'cancelling',
      'skipped',
      'finished',
    ]);
  });

  it('do not tell a vote that may not be made, and not what is made for a hold', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.setVoting({ owner: one.owner, by: 'test', scope: 'owner', enabled: false }, NOW_MS);
    await one.transitions.reserve(vote(one));
    await one.transitions.maySend(vote(one));
    expect(await kinds(one)).toEqual(['accepted', 'started']);
  });

  it('end with the run: what comes in after it is none of them', async () => {
    const one = await aRunningRun(redis());
    await one.transitions.reserve(vote(one));
    await finish(one);
    await one.transitions.maySend(vote(one));
    expect(await kinds(one)).toEqual(['accepted', 'started', 'reserved', 'finished']);
  });

  it('are kept until an hour after its end, and only the last of many', async () => {
    const one = await aRunningRun(redis());
    const key = keys.runEvents(one.runId);
    for (let at = 0; at < EVENTS_KEPT + 10; at += 1) await records().deciding(one.runId, one.proposal);
    expect(await redis().xlen(key)).toBe(EVENTS_KEPT);
    expect(await redis().ttl(key)).toBe(-1);
    await finish(one);
    expect(await redis().ttl(key)).toBeGreaterThan(RETENTION_S.runEvents - 60);
  });

  it('of a run of three proposals take less than the page that Redis would set aside by itself', async () => {
    const many = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const one = await aRunningRun(redis());
        await wholeRun(one, [aProposalId(), aProposalId(), aProposalId()]);
        return keys.runEvents(one.runId);
      }),
    );
    // What they free: `MEMORY USAGE` guesses 240 bytes for each node of the tree of pages, of which there are eight.
    const used = async () => Number(/^used_memory:(\d+)/m.exec(await redis().info('memory'))?.[1]);
    const before = await used();
    await redis().del(...many);
    expect((before - (await used())) / many.length).toBeLessThan(4_096);
  });

  it('are made for no run that is not kept, but its end is told where there are none', async () => {
    const none = aCase(redis());
    await records().deciding(none.runId, none.proposal);
    await records().settle(none.runId, none.proposal, cast);
    expect(await redis().exists(keys.runEvents(none.runId))).toBe(0);
    const one = await aRunningRun(redis());
    await redis().del(keys.runEvents(one.runId));
    await finish(one);
    expect(await kinds(one)).toEqual(['finished']);
  });

  it('hold a long title cut, by whole characters', async () => {
    const one = await aRunningRun(redis());
    await records().open(one.runId, openingOf([one.proposal], { title: '🗳'.repeat(300) }));
    const selected = (await told(one)).find((event) => event.kind === 'selected');
    expect(selected?.proposals[0]?.title).toBe(`${'🗳'.repeat(99)}…`);
  });

  it('leave out what is none', async () => {
    const one = await aRunningRun(redis());
    const key = keys.runEvents(one.runId);
    await redis().xadd(key, '*', 'kind', 'revealed', 'data', '{}');
    await redis().xadd(key, '*', 'kind', 'cast', 'data', '{"proposal_id":');
    await redis().xadd(key, '*', 'kind', 'started', 'data', '[1]', 'more', 'x');
    await redis().xadd(key, '*', 'what', 'else');
    expect(await kinds(one)).toEqual(['accepted', 'started', 'started']);
  });
});

it('the page about events has each of them, and everything that each has', async () => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/events.md'), 'utf8');
  const rows = new Map([...page.matchAll(/^\| `(\w+)` *\|.*$/gm)].map(([row, kind = '']) => [kind, row]));
  expect([...rows.keys()]).toEqual([...RunEvent.options.map(({ shape }) => shape.kind.value), 'snapshot']);
  for (const { shape } of RunEvent.options) {
    const { kind, ...has } = shape;
    if (kind.value === 'fetched') continue; // its counts are those of filter_metrics
    for (const name of Object.keys(has)) expect(rows.get(kind.value), kind.value).toContain(`\`${name}\``);
  }
});

it('an event is read as it was told', () => {
  const proposal_id = aProposalId();
  const title = fc.string({ unit: 'binary' });
  const event = fc.oneof(
    title.map((text): RunEvent => ({ kind: 'selected', dry_run: true, proposals: [{ proposal_id, title: text }] })),
    fc.constantFrom<RunEvent>(
      { kind: 'started' },
      { kind: 'sent', proposal_id },
      { kind: 'finished', status: 'failed' },
    ),
  );
  fc.assert(
    fc.property(event, (one) => {
      const [, kind, data] = eventArgs(one);
      expect(parseEvent(['1-0', ['kind', kind, 'data', data]])).toEqual({ id: '1-0', event: one });
      // One line each, as a stream of events needs it.
      expect(data).not.toMatch(/[\r\n]/);
    }),
  );
});
