/** What a hold is told to have waited for: its owner, voting to be resumed, a worker, or a hub that was away. */
import { describe, expect, test } from 'vitest';
import { aHold, anAnswerTo, MINUTE_MS, type HoldCase } from '../test/holds.ts';
import { aHash, openingOf } from '../test/samples.ts';
import { NOW_MS, useRedis } from '../test/world.ts';
import type { HoldEnd } from './hold.ts';
import { laterParts } from './hold-spans.ts';
import type { HeldWhy } from './outcome.ts';
import { createRecords } from './records.ts';
import { timingsOf } from './run-timings.ts';
import type { VoteTimes } from './run-times.ts';

const { redis } = useRedis();
const AT = NOW_MS + 9_000;
const FIRST: VoteTimes = { began: 5_000, ended: 5_010 };
const LAST: VoteTimes = { began: 8_000, checked: 8_010, ended: 8_020 };
const END: HoldEnd = { outcome: { kind: 'failed', why: 'signing' }, settled_at: NOW_MS + 8_020, times: LAST };

/** `kind begin-end`, and of a span that is under way `kind begin-`. All is counted since the hold was made, with its run. */
async function spansOf(hold: HoldCase, nowMs = AT): Promise<string[]> {
  const parts = laterParts(await hold.read(), (ms) => ms - NOW_MS, nowMs);
  return parts.map(({ kind, begin, end }) => `${kind} ${begin}-${end ?? ''}`);
}

async function aHoldFor(why: HeldWhy) {
  const hold = await aHold(redis(), { nowMs: NOW_MS, why });
  const approve = async (answered_at: number): Promise<void> => {
    const sealed = { answer: anAnswerTo(hold.subject, { answered_at }), mac: aHash() };
    const { kind } = await hold.transitions.answerHold(hold, { kind: 'answer', sealed }, answered_at);
    expect(kind).toBe('done');
  };
  const reject = async (answered_at: number): Promise<void> => {
    const said = anAnswerTo(hold.subject, { answered_at, answer: 'reject', ballot: null });
    const { kind } = await hold.transitions.answerHold(
      hold,
      { kind: 'answer', sealed: { answer: said, mac: aHash() } },
      answered_at,
    );
    expect(kind).toBe('done');
  };
  const settle = (end = END) => hold.transitions.settleHold(hold, 'failed', end, end.settled_at);
  const putOff = (times: VoteTimes) => hold.transitions.noteHoldPutOff(hold, times);
  return { hold, approve, reject, settle, putOff };
}

test('stands behind the spans of its run', async () => {
  const { hold } = await aHoldFor('risk');
  const records = createRecords(redis());
  await records.open(hold.runId, openingOf([hold.proposal]));
  const found = await records.runAndEvents(hold.runId);
  expect.assert(found !== null);
  const { spans } = timingsOf(found.run, found.events, [await hold.read()], AT);
  const own = spans.filter(({ proposal_id: id }) => id === hold.proposal);
  expect(own.at(-1)).toEqual({ kind: 'answer', proposal_id: hold.proposal, begin: 0, end: null });
});

describe('a hold that its owner is asked about', () => {
  test('waits for them until its deadline', async () => {
    const { hold } = await aHoldFor('risk');
    expect(await spansOf(hold)).toEqual(['answer 0-']);
    expect(await spansOf(hold, NOW_MS + 61 * MINUTE_MS)).toEqual([`answer 0-${60 * MINUTE_MS}`]);
  });

  test('waits for a worker up to its first try, and was put off after that', async () => {
    const { hold, approve, settle, putOff } = await aHoldFor('risk');
    await approve(NOW_MS + 4_990);
    expect(await spansOf(hold)).toEqual(['answer 0-4990', 'vote 4990-']);
    await putOff(FIRST);
    await putOff({ began: 6_000, ended: 6_010 });
    const tried = ['answer 0-4990', 'wait 4990-5000', 'check 5000-5010'];
    expect(await spansOf(hold)).toEqual([...tried, 'put_off 5010-']);
    await settle();
    expect(await spansOf(hold)).toEqual([...tried, 'put_off 5010-8000', 'check 8000-8010', 'reserve 8010-8020']);
    // It failed, and is approved again: what was put off before counts no more.
    await approve(NOW_MS + 9_000);
    expect(await spansOf(hold)).toEqual(['answer 0-9000', 'vote 9000-']);
  });

  test('was tried no more once they said no', async () => {
    const { hold, putOff, reject } = await aHoldFor('voting_paused');
    await putOff(FIRST);
    await reject(NOW_MS + 7_000);
    expect(await spansOf(hold)).toEqual(['answer 0-7000']);
  });

  test('that was not put off waits for a worker alone', async () => {
    const { hold, approve, settle } = await aHoldFor('risk');
    await approve(NOW_MS + 4_990);
    await settle();
    const steps = ['check 8000-8010', 'reserve 8010-8020'];
    expect(await spansOf(hold)).toEqual(['answer 0-4990', 'wait 4990-8000', ...steps]);
  });

  test('that was put off up to its deadline ends there', async () => {
    const { hold, approve, putOff } = await aHoldFor('risk');
    await approve(NOW_MS + 4_990);
    await putOff(FIRST);
    await hold.transitions.answerHold(hold, { kind: 'expire' }, hold.subject.deadline);
    const tried = ['answer 0-4990', 'wait 4990-5000', 'check 5000-5010'];
    expect(await spansOf(hold)).toEqual([...tried, `put_off 5010-${60 * MINUTE_MS}`]);
  });

  test('of whose vote no times are known has a vote', async () => {
    const { hold, approve, settle } = await aHoldFor('risk');
    await approve(NOW_MS + 4_990);
    const { times: _times, ...end } = END;
    await settle(end);
    expect(await spansOf(hold)).toEqual(['answer 0-4990', 'vote 4990-8020']);
  });
});

describe('a hold for which voting is paused', () => {
  test('waits for that to end and for nobody, up to the first try of its vote', async () => {
    const { hold, settle, putOff } = await aHoldFor('voting_paused');
    expect(await spansOf(hold)).toEqual(['resume 0-']);
    await putOff(FIRST);
    const tried = ['resume 0-5000', 'check 5000-5010'];
    expect(await spansOf(hold)).toEqual([...tried, 'put_off 5010-']);
    await settle();
    expect(await spansOf(hold)).toEqual([...tried, 'put_off 5010-8000', 'check 8000-8010', 'reserve 8010-8020']);
  });

  test('and whose vote was not put off waits up to that', async () => {
    const { hold, settle } = await aHoldFor('voting_paused');
    await settle();
    expect(await spansOf(hold)).toEqual(['resume 0-8000', 'check 8000-8010', 'reserve 8010-8020']);
  });

  test('ends at its deadline where that comes first', async () => {
    const { hold } = await aHoldFor('voting_paused');
    expect(await spansOf(hold, NOW_MS + 61 * MINUTE_MS)).toEqual([`resume 0-${60 * MINUTE_MS}`]);
  });

  test('and whose owner is asked after all waits for them, whatever was tried before', async () => {
    const { hold, approve, putOff } = await aHoldFor('voting_paused');
    await putOff(FIRST);
    await hold.transitions.askAfterAll(hold, 'risk', NOW_MS + 6_000);
    expect(await spansOf(hold)).toEqual(['answer 0-']);
    await approve(NOW_MS + 7_000);
    expect(await spansOf(hold)).toEqual(['answer 0-7000', 'vote 7000-']);
  });

  test('and whose owner answers all the same waits for the answer', async () => {
    const { hold, approve } = await aHoldFor('voting_paused');
    await approve(NOW_MS + 7_000);
    expect(await spansOf(hold)).toEqual(['answer 0-7000', 'vote 7000-']);
  });
});
