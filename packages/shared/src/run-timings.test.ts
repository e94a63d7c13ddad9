/** Spans of a run, from the records and events that its parts write: at each point of its way, and of runs that keep no times. */
import type { ProposalId } from '@quorum/snapshot/proposal';
import { describe, expect, test } from 'vitest';
import { aDecision, aHash, aProposalId, aResponse, openingOf } from '../test/samples.ts';
import { accept, aCase, aRunningRun, NOW_MS, useRedis } from '../test/world.ts';
import { fields, keys } from './redis-keys.ts';
import { createRecords, type DecisionRecord, type Opening, type OutcomeRecord } from './records.ts';
import { RunTimings, timingsOf } from './run-timings.ts';
import { startVoteClock, type DecideTimes, type VoteTimes } from './run-times.ts';
import type { RunId } from './ids.ts';

const { redis } = useRedis();
const records = () => createRecords(redis());
const AT = NOW_MS + 9_000;

const DECIDED: DecideTimes = {
  began: 120,
  ended: 900,
  asks: [
    ['sample', 2, 'small', 140, 600, 'answer'],
    ['sample', 1, 'small', 130, 700, 'timeout'],
  ],
};
const simulated: OutcomeRecord = { outcome: { kind: 'simulated' }, settled_at: NOW_MS + 950 };
const decision = (times?: DecideTimes): DecisionRecord => ({
  kind: 'decided',
  sealed: { decision: aDecision({ decided_at: NOW_MS + 890 }), mac: aHash() },
  ...(times === undefined ? {} : { times }),
});

const opening = (proposals: readonly ProposalId[], openedAt?: number): Opening =>
  openingOf(proposals, { dry_run: true, ...(openedAt === undefined ? {} : { opened_at: NOW_MS + openedAt }) });

async function timings(runId: RunId, nowMs = AT): Promise<RunTimings> {
  const found = await records().runAndEvents(runId);
  if (found === null) throw new Error('the run is not there');
  return RunTimings.parse(timingsOf(found.run, found.events, [], nowMs));
}

/** `kind begin-end`, and of a span that is under way `kind begin-`. */
const brief = ({ spans }: RunTimings): string[] => spans.map(({ kind, begin, end }) => `${kind} ${begin}-${end ?? ''}`);
/** The same where its times are those of this machine's clock. */
const kinds = ({ spans }: RunTimings): string[] => spans.map(({ kind, end }) => (end === null ? `${kind} …` : kind));

describe('a run that is under way', () => {
  test('waits for its worker, then reads', async () => {
    const one = aCase(redis());
    await accept(one);
    expect(brief(await timings(one.runId))).toEqual(['queued 0-']);
    await one.transitions.start(one.runId, NOW_MS + 30);
    expect(brief(await timings(one.runId))).toEqual(['queued 0-30', 'fetch 30-']);
  });

  test('waits for its decision, decides, and votes', async () => {
    const one = await aRunningRun(redis());
    const id = one.proposal;
    await records().open(one.runId, opening([id], 100));
    const opened = ['queued 0-0', 'fetch 0-100'];
    expect(brief(await timings(one.runId))).toEqual([...opened, 'wait 100-']);
    await records().deciding(one.runId, id);
    expect(kinds(await timings(one.runId)).slice(2)).toEqual(['wait', 'decide …']);
    await records().decide(one.runId, id, decision(DECIDED));
    const decided = [...opened, 'wait 100-120', 'decide 120-900', 'ask 130-830', 'ask 140-740'];
    const told = await timings(one.runId);
    expect(brief(told)).toEqual([...decided, 'vote 900-']);
    expect(told.proposals).toMatchObject([{ outcome: null, decided: 900, kept: true }]);
    expect(told.spans.flatMap(({ ask }) => (ask === undefined ? [] : [ask]))).toEqual([
      { role: 'sample', nth: 1, model: 'small', result: 'timeout' },
      { role: 'sample', nth: 2, model: 'small', result: 'answer' },
    ]);
    await records().settle(one.runId, id, { ...simulated, times: { began: 910, ended: 950 } });
    expect(brief(await timings(one.runId))).toEqual([...decided, 'wait 900-910', 'check 910-950', 'close 950-']);
  });

  test('what was tried before is kept, and packed with the rest', async () => {
    const one = await aRunningRun(redis(), { dryRun: true });
    const id = one.proposal;
    await records().open(one.runId, opening([id], 100));
    await records().triedToDecide(one.runId, id, 1, DECIDED);
    expect(brief(await timings(one.runId)).at(-1)).toBe('put_off 900-');
    const again: DecideTimes = { began: 1_400, ended: 1_500, asks: [] };
    await records().decide(one.runId, id, decision(again));
    const sent: VoteTimes = {
      began: 1_510,
      checked: 1_520,
      reserved: 1_530,
      sent: 1_540,
      answered: 1_600,
      ended: 1_620,
    };
    await records().triedToVote(one.runId, id, 2, { ...sent, answer: 'unknown' });
    await records().triedToVote(one.runId, id, 10, { began: 2_000, checked: 2_010, reserved: 2_020, ended: 2_030 });
    const tries = [
      ['wait 100-120', 'decide 120-900', 'ask 130-830', 'ask 140-740', 'put_off 900-1400', 'decide 1400-1500'],
      ['wait 1500-1510', 'check 1510-1520', 'reserve 1520-1530', 'sign 1530-1540', 'send 1540-1600'],
      ['read_back 1600-1620', 'put_off 1620-2000', 'check 2000-2010', 'reserve 2010-2020', 'sign 2020-2030'],
    ].flat();
    expect(brief(await timings(one.runId)).slice(2)).toEqual([...tries, 'put_off 2030-']);
    await records().settle(one.runId, id, { ...simulated, times: { began: 3_000, checked: 3_050, ended: 3_060 } });
    await one.transitions.finish({ owner: one.owner, dryRun: true }, aResponse(one.runId), NOW_MS + 3_100);
    const before = await timings(one.runId);
    expect(brief(before).slice(2)).toEqual([
      ...tries,
      'put_off 2030-3000',
      'check 3000-3050',
      'reserve 3050-3060',
      'close 3060-3100',
    ]);
    expect(before.spans.find(({ kind }) => kind === 'send')?.answered).toBe('unknown');
    expect(await records().pack(one.runId)).toBe(true);
    expect((await redis().hkeys(keys.run(one.runId))).filter((name) => name.startsWith('tried:'))).toEqual([]);
    expect(await timings(one.runId)).toEqual(before);
    // What comes late finds the run packed.
    await records().triedToVote(one.runId, id, 11, sent);
    expect(await timings(one.runId)).toEqual(before);
  });
});

test('a run that failed before it was opened, and one that was cancelled before it began', async () => {
  const failed = await aRunningRun(redis());
  await failed.transitions.finish(
    { owner: failed.owner, dryRun: false },
    aResponse(failed.runId, { status: 'failed' }),
    NOW_MS + 700,
  );
  expect(brief(await timings(failed.runId))).toEqual(['queued 0-0', 'fetch 0-700']);
  const cancelled = aCase(redis());
  await accept(cancelled);
  await cancelled.transitions.finish(
    { owner: cancelled.owner, dryRun: false },
    aResponse(cancelled.runId, { status: 'cancelled' }),
    NOW_MS + 40,
  );
  expect(brief(await timings(cancelled.runId))).toEqual(['queued 0-40']);
});

describe('a decision that never stood', () => {
  const SKIPPED: OutcomeRecord = { outcome: { kind: 'skipped', why: 'cancelled' }, settled_at: NOW_MS + 950 };
  const usage = { calls: 3, input_tokens: 0, output_tokens: 0, cost_usd: null };
  const FAILED: DecisionRecord = { kind: 'failed', why: 'internal', detail: 'lost', usage };
  const ASKING = ['wait 100-120', 'decide 120-900', 'ask 130-830', 'ask 140-740'];

  /** A run whose fetcher has opened it, and how it reads once it has ended, from then on. */
  async function anOpenedRun() {
    const one = await aRunningRun(redis());
    await records().open(one.runId, opening([one.proposal], 100));
    const ended = async (status: 'cancelled' | 'completed' | 'failed') => {
      const whose = { owner: one.owner, dryRun: false };
      await one.transitions.finish(whose, aResponse(one.runId, { status }), NOW_MS + 1_000);
      const told = await timings(one.runId);
      await redis().del(keys.runEvents(one.runId));
      expect(await timings(one.runId)).toEqual(told);
      return brief(told).slice(2);
    };
    return { ...one, id: one.proposal, ended };
  }

  test('of a run that was cancelled while models were asked: its calls, and no wait for a worker after them', async () => {
    const { runId, id, ended } = await anOpenedRun();
    await records().deciding(runId, id);
    await records().triedToDecide(runId, id, 1, DECIDED);
    await records().settle(runId, id, { ...SKIPPED, times: { began: 920, ended: 930 } });
    expect(await ended('cancelled')).toEqual([...ASKING, 'put_off 900-920', 'check 920-930', 'close 930-1000']);
  });

  test.each([
    ['its vote was come to', { ...SKIPPED, times: { began: 920, ended: 930 } }, ['check 920-930', 'close 930-1000']],
    ['its jobs were taken away', SKIPPED, ['close 950-1000']],
  ])('that left nothing but what it cost is a decision, where %s', async (_what, outcome, more) => {
    const { runId, id, ended } = await anOpenedRun();
    await redis().hset(keys.run(runId), fields.spent(id), JSON.stringify(usage));
    await records().settle(runId, id, outcome);
    const until = outcome === SKIPPED ? 950 : 920;
    expect(await ended('cancelled')).toEqual([`decide 100-${until}`, ...more]);
  });

  test('and that nobody had begun is a wait for a worker, and no vote', async () => {
    const { runId, id, ended } = await anOpenedRun();
    await records().settle(runId, id, SKIPPED);
    expect(await ended('cancelled')).toEqual(['wait 100-950', 'close 950-1000']);
  });

  test('of which a failure is recorded ends with its last try, and is waited for from then on', async () => {
    const { runId, id, ended } = await anOpenedRun();
    await records().triedToDecide(runId, id, 1, DECIDED);
    await records().decide(runId, id, FAILED);
    expect(brief(await timings(runId)).slice(2)).toEqual([...ASKING, 'vote 900-']);
    await records().settle(runId, id, { ...SKIPPED, times: { began: 920, ended: 930 } });
    expect(await ended('completed')).toEqual([...ASKING, 'wait 900-920', 'check 920-930', 'close 930-1000']);
  });

  test('of which nothing but a failure is recorded goes up to its vote', async () => {
    const { runId, id, ended } = await anOpenedRun();
    await records().decide(runId, id, FAILED);
    expect(kinds(await timings(runId)).slice(2)).toEqual(['decide', 'vote …']);
    await records().settle(runId, id, { ...SKIPPED, times: { began: 920, ended: 930 } });
    expect(await ended('completed')).toEqual(['decide 100-920', 'check 920-930', 'close 930-1000']);
  });

  test('of a run that failed before its trees has no span, and nothing of it is under way', async () => {
    const { runId, ended } = await anOpenedRun();
    expect(await ended('failed')).toEqual(['close 100-1000']);
    expect((await timings(runId)).proposals).toMatchObject([{ outcome: null, decided: null }]);
    const asked = await anOpenedRun();
    await redis().hset(keys.run(asked.runId), fields.spent(asked.id), JSON.stringify(usage));
    expect(await asked.ended('failed')).toEqual(['decide 100-1000', 'close 1000-1000']);
  });
});

test('of the tries that got nowhere the first is kept, whichever pick-up it was, and all stand in the order of their begin', async () => {
  const one = await aRunningRun(redis());
  const id = one.proposal;
  await records().open(one.runId, opening([id], 100));
  const busy = (began: number): DecideTimes => ({ began, ended: began + 5, asks: [] });
  await records().triedToDecide(one.runId, id, 2, busy(110));
  await records().triedToDecide(one.runId, id, 3, busy(115));
  await records().decide(one.runId, id, decision(DECIDED));
  await records().triedToVote(one.runId, id, 1, { began: 910, checked: 915, reserved: 920, ended: 925 });
  for (const began of [930, 940, 950]) {
    await records().triedToVote(one.runId, id, began, { began, ended: began + 5 });
  }
  const decided = ['wait 100-110', 'decide 110-115', 'put_off 115-120', 'decide 120-900', 'ask 130-830', 'ask 140-740'];
  const voted = [
    'wait 900-910',
    'check 910-915',
    'reserve 915-920',
    'sign 920-925',
    'put_off 925-930',
    'check 930-935',
  ];
  expect(brief(await timings(one.runId)).slice(2)).toEqual([...decided, ...voted, 'put_off 935-']);
});

test('a run of before times were kept shows what else its record says', async () => {
  const one = await aRunningRun(redis(), { dryRun: true });
  await records().open(one.runId, opening([one.proposal]));
  await records().decide(one.runId, one.proposal, decision());
  await records().settle(one.runId, one.proposal, simulated);
  await one.transitions.finish({ owner: one.owner, dryRun: true }, aResponse(one.runId), NOW_MS + 990);
  await redis().del(keys.runEvents(one.runId));
  const told = await timings(one.runId);
  expect(brief(told)).toEqual(['queued 0-0', 'decide 0-890', 'vote 890-950', 'close 950-990']);
  expect(told.proposals).toMatchObject([{ kept: false, decided: 890 }]);
});

test('nothing ends before it begins, whatever the clocks of two machines say', async () => {
  const one = await aRunningRun(redis());
  await records().open(one.runId, opening([one.proposal], 100));
  await records().decide(one.runId, one.proposal, decision({ ...DECIDED, began: 60, ended: 80, asks: [] }));
  expect(brief(await timings(one.runId)).slice(2)).toEqual(['wait 100-100', 'decide 60-80', 'vote 80-']);
});

test('a clock of a vote notes each step, and what was said', () => {
  let nowMs = 1_010;
  const clock = startVoteClock(1_000, () => nowMs);
  nowMs = 1_030;
  clock.mark('checked');
  nowMs = 1_040;
  clock.mark('answered', 'accepted');
  nowMs = 1_055;
  expect(clock.times()).toEqual({ began: 10, checked: 30, answered: 40, answer: 'accepted', ended: 55 });
});

test('a proposal of its own has its own tries', async () => {
  const one = await aRunningRun(redis());
  const other = aProposalId();
  await records().open(one.runId, opening([one.proposal, other], 100));
  await records().triedToDecide(one.runId, other, 1, DECIDED);
  const told = await timings(one.runId);
  const of = (id: ProposalId) => told.spans.filter(({ proposal_id: mine }) => mine === id).map(({ kind }) => kind);
  expect(of(one.proposal)).toEqual(['wait']);
  expect(of(other)).toEqual(['wait', 'decide', 'ask', 'ask', 'put_off']);
});
