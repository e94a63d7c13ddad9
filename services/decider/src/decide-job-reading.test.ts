/** A second reading that is not reached: while attempts are left the job is tried again, and nobody is asked anything twice. */
import { randomBytes } from 'node:crypto';
import type { Caps } from '@quorum/shared/budget';
import { PostponeError } from '@quorum/shared/run-worker';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PLENTY, useFolder } from '../test/asking.ts';
import { jobDeps, NOW_MS, useJobStand } from '../test/job-stand.ts';
import { vote, type ModelRequest, type Reply } from '../test/model-server.ts';
import { factsReply, partOf, reasonReply, type Part } from '../test/parts.ts';
import { rebuildPrompts } from '../test/rebuild.ts';
import { decisionOf, nextRun, openRun, type TestRun } from '../test/runs.ts';
import { decideJob } from './decide-job.ts';

const KEY = randomBytes(32);
const FULL = { publish_reason: 'full', approval: 'when_unsure' };
const AWAY: Reply = { kind: 'status', status: 503, body: '{}' };
const folder = useFolder();

const stand = useJobStand();

type Given = {
  readonly last: boolean;
  /** What the model answers of its own, by what it is asked for; it is for everything else. */
  readonly by?: Partial<Record<Part, (request: ModelRequest) => Reply>>;
  readonly nowMs?: number;
  readonly caps?: Caps;
};

/** Works the job. `asked`: for what, in alphabetical order. */
async function work({ payload }: TestRun, { last, by = {}, nowMs = NOW_MS, caps = PLENTY }: Given) {
  const asked: Part[] = [];
  const prompts: unknown[] = [];
  stand.server.behave((request) => {
    const part = partOf(request);
    asked.push(part);
    prompts.push(request.messages);
    const other = by[part];
    if (other !== undefined) return other(request);
    if (part === 'facts') return factsReply;
    return part === 'reason' ? reasonReply : vote(request, 'For');
  });
  const settings = { models: ['small'], samples: 2, secondReading: 'always' } as const;
  const deps = jobDeps(stand, { key: KEY, folder, settings, last, caps, nowMs });
  const result = await decideJob(payload, deps, new AbortController().signal).catch((error: unknown) => error);
  return { result, asked: asked.toSorted(), prompts };
}

const kinds = async (run: TestRun): Promise<string[]> => (await decisionOf(run)).signals.map(({ kind }) => kind);

describe('a model that is away for the second reading', () => {
  test.each([
    ['the reader', 'facts', ['facts', 'sample', 'sample'], ['facts', 'judge']],
    ['the judge', 'judge', ['facts', 'judge', 'sample', 'sample'], ['judge']],
  ] as const)('as %s is asked again, and nothing else is', async (_who, part, first, then) => {
    const run = await openRun(stand.stores);
    const away = await work(run, { last: false, by: { [part]: () => AWAY } });
    expect(away.result).toMatchObject({
      category: 'upstream_unavailable',
      message: expect.stringContaining('Not every'),
    });
    expect(away.asked).toEqual(first);
    expect(await run.decision()).toBeUndefined();

    const back = await work(run, { last: false });
    expect(back).toMatchObject({ result: { kind: 'decided' }, asked: then });
    expect(await kinds(run)).toEqual([]);
    expect((await decisionOf(run)).usage).toMatchObject({ calls: first.length + then.length });
  });

  test('leaves the decision unsure at the last attempt, and its owner is asked', async () => {
    const run = await openRun(stand.stores, {}, { approval: 'when_unsure' });
    const by = { facts: () => AWAY };
    expect((await work(run, { last: false, by })).result).toBeInstanceOf(Error);
    expect(await work(run, { last: true, by })).toMatchObject({ result: { kind: 'decided' }, asked: ['facts'] });
    expect(await kinds(run)).toEqual(['second_reading_missing']);
  });

  test('is no reason to skip a proposal for good where the owner is never asked: the next run asks it again', async () => {
    const run = await openRun(stand.stores, {}, { approval: 'never' });
    const { result } = await work(run, { last: true, by: { judge: () => AWAY } });
    expect(result).toEqual({ kind: 'failed', why: 'upstream_unavailable' });
    const next = await nextRun(stand.stores, run);
    expect(await work(next, { last: true })).toMatchObject({ result: { kind: 'decided' }, asked: ['judge'] });
    expect(await kinds(next)).toEqual([]);
  });

  test('changes nothing where the text alone has it skipped', async () => {
    const run = await openRun(stand.stores, { body: 'Note to AI agents: read this first.' }, { approval: 'never' });
    expect((await work(run, { last: true, by: { facts: () => AWAY } })).result).toEqual({ kind: 'decided' });
    expect(await kinds(run)).toEqual(expect.arrayContaining(['addresses_ai', 'second_reading_missing']));
  });

  test('has the owner asked where there is no budget to ask it again', async () => {
    const run = await openRun(stand.stores, {}, { approval: 'when_unsure' });
    expect((await work(run, { last: false, by: { judge: () => AWAY } })).result).toBeInstanceOf(Error);
    const caps = { ...PLENTY, run: 1 };
    expect(await work(run, { last: false, caps })).toMatchObject({ result: { kind: 'decided' }, asked: [] });
    expect(await kinds(run)).toEqual(['second_reading_missing']);
    expect((await decisionOf(run)).usage).toMatchObject({ calls: 4 });
  });

  test('is left for when there is a budget again where the owner is never asked', async () => {
    const run = await openRun(stand.stores, {}, { approval: 'never' });
    expect((await work(run, { last: false, by: { judge: () => AWAY } })).result).toBeInstanceOf(Error);
    const { result } = await work(run, { last: false, caps: { ...PLENTY, run: 1 } });
    expect(result).toEqual({ kind: 'skipped', why: 'budget' });
    expect(await work(await nextRun(stand.stores, run), { last: false })).toMatchObject({ asked: ['judge'] });
  });

  test('leaves it unsure at once where the proposal ends too soon for another attempt', async () => {
    const run = await openRun(stand.stores, { end: NOW_MS / 1_000 + 190 }, { approval: 'when_unsure' });
    expect((await work(run, { last: false, by: { judge: () => AWAY } })).result).toEqual({ kind: 'decided' });
    expect(await kinds(run)).toEqual(['second_reading_missing']);
  });

  test('is waited for where it asks for a pause, at whatever attempt', async () => {
    const run = await openRun(stand.stores, { end: Math.ceil(Date.now() / 1_000) + 3_600 });
    const busy = (): Reply => ({ kind: 'status', status: 429, body: '{}', headers: { 'retry-after': '20' } });
    const { result } = await work(run, { last: true, by: { judge: busy }, nowMs: Date.now() });
    expect.assert(result instanceof PostponeError);
    expect(result.delayMs).toBeGreaterThanOrEqual(20_000);
    expect(await run.decision()).toBeUndefined();
    expect(await work(run, { last: true, nowMs: Date.now() })).toMatchObject({ asked: ['judge'] });
    expect(await kinds(run)).toEqual([]);
  });

  test('one that refuses is no better next time: the decision is unsure at once', async () => {
    const run = await openRun(stand.stores);
    expect((await work(run, { last: false, by: { facts: () => ({ kind: 'refuses' }) } })).result).toEqual({
      kind: 'decided',
    });
    expect(await kinds(run)).toEqual(['second_reading_missing']);
  });
});

describe('what was said before', () => {
  test('is part of the evidence, from which every prompt can be made again; a reason is written once', async () => {
    const run = await openRun(stand.stores, {}, FULL);
    const first = await work(run, { last: false, by: { judge: () => AWAY } });
    expect(first.asked).toEqual(['facts', 'judge', 'reason', 'sample', 'sample']);
    const then = await work(run, { last: true });
    expect(then.asked).toEqual(['judge']);

    const { evidence_hash, public_reason } = await decisionOf(run);
    expect(public_reason).toContain('Green pleases the eye.');
    const text = (await stand.stores.records.evidence(evidence_hash)) ?? '';
    const { reused_from: from } = z.object({ reused_from: z.string() }).parse(JSON.parse(text));
    expect(await stand.stores.records.evidence(from)).not.toBeNull();
    const rebuilt = rebuildPrompts(text, run);
    expect(rebuilt).toHaveLength(5);
    expect([...first.prompts, ...then.prompts]).toEqual(expect.arrayContaining(rebuilt));
  });

  test('a mark that was repeated then is heard now', async () => {
    const run = await openRun(stand.stores);
    const echo = (request: ModelRequest): Reply =>
      vote(request, 'For', { rationale: request.messages[0]?.content.slice(0, 200) });
    await work(run, { last: false, by: { judge: () => AWAY, sample: echo } });
    await work(run, { last: true });
    expect(await kinds(run)).toEqual(['canary_echoed']);
  });
});
