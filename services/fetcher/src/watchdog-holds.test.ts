/** The jobs of holds that were lost are put back: nobody's answer is forgotten, and what nobody answers ends. */
import { randomBytes } from 'node:crypto';
import { newRunId } from '@quorum/shared/ids';
import { jobIds, JOBS } from '@quorum/shared/jobs';
import { keys } from '@quorum/shared/redis-keys';
import { sealAnswer } from '@quorum/shared/sealed-answer';
import { enableVoting } from '@quorum/shared/voting';
import { afterEach, expect, it } from 'vitest';
import { aHold, anAnswerTo, MINUTE_MS, type GivenHold, type HoldCase } from '../../../packages/shared/test/holds.ts';
import { useFlow } from '../test/flow.ts';

const flow = useFlow();
afterEach(async () => void (await flow().redis.del(keys.openHolds(), keys.votingGlobal())));

/** A hold whose run has ended and is none of the watchdog's. */
async function held(given: GivenHold = {}): Promise<HoldCase> {
  const hold = await aHold(flow().redis, given);
  await flow().redis.zrem(keys.openRuns(), hold.runId);
  return hold;
}

async function watchdog(): Promise<number> {
  const job = await flow()
    .queue('agent-run')
    .add('watchdog', {}, { jobId: `watchdog-${newRunId()}` });
  return JOBS.watchdog.result.parse(await flow().jobEnd(job)).put_back;
}
const jobOf = (name: 'castHold' | 'expire', { subject }: HoldCase) =>
  flow().queue('vote').getJob(jobIds[name](subject.hold_id));

async function approve(hold: HoldCase): Promise<void> {
  const sealed = sealAnswer(anAnswerTo(hold.subject), randomBytes(32));
  await hold.transitions.answerHold(hold, { kind: 'answer', sealed }, Date.now());
}

it('puts back the job that ends a hold, at its deadline, and adds none where it is there', async () => {
  const fetcher = flow().fetcher();
  await fetcher.ready();
  const hold = await held();
  expect(await watchdog()).toBe(1);
  const job = await jobOf('expire', hold);
  const dueMs = (job?.timestamp ?? 0) + (job?.delay ?? 0);
  expect(Math.abs(dueMs - hold.subject.deadline)).toBeLessThan(MINUTE_MS);
  expect(await watchdog()).toBe(0);
  expect(await jobOf('castHold', hold)).toBeUndefined();
});

it('puts back the vote of a hold that was approved, and offers one again while its owner lets it', async () => {
  const fetcher = flow().fetcher();
  await fetcher.ready();
  const [approved, paused] = [await held(), await held({ why: 'voting_paused' })];
  await approve(approved);
  expect(await watchdog()).toBe(2);
  for (const hold of [approved, paused]) expect(await jobOf('castHold', hold)).toBeUndefined();
  await enableVoting(flow().redis, approved.owner);
  expect(await watchdog()).toBe(1);
  expect(await jobOf('castHold', approved)).toBeDefined();
  expect(await jobOf('castHold', paused)).toBeUndefined();
  await enableVoting(flow().redis, paused.owner);
  expect(await watchdog()).toBe(1);
  expect(await jobOf('castHold', paused)).toBeDefined();
});

it('adds the vote again where its job has ended and the hold goes on', async () => {
  const fetcher = flow().fetcher();
  await fetcher.ready();
  const hold = await held({ why: 'voting_paused' });
  await enableVoting(flow().redis, hold.owner);
  expect(await watchdog()).toBe(2);
  // It ran while voting was paused, and there was nothing for it to do.
  const worker = flow().bareWorker('vote', async () => ({ state: 'waiting' }));
  await expect.poll(async () => (await jobOf('castHold', hold))?.finishedOn, { timeout: 30_000 }).toBeDefined();
  await worker.close();
  const before = (await jobOf('castHold', hold))?.timestamp ?? 0;
  expect(await watchdog()).toBeGreaterThan(0);
  expect((await jobOf('castHold', hold))?.timestamp).toBeGreaterThan(before);
});

it('leaves a hold that has ended alone', async () => {
  const fetcher = flow().fetcher();
  await fetcher.ready();
  const hold = await held({ why: 'voting_paused' });
  await enableVoting(flow().redis, hold.owner);
  await hold.transitions.settleHold(hold, 'cast', { outcome: { kind: 'cast' }, settled_at: 1 }, 1);
  expect(await watchdog()).toBe(0);
  expect(await jobOf('expire', hold)).toBeUndefined();
});
