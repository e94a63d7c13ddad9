import { newRunId } from '@quorum/shared/ids';
import type { Outcome } from '@quorum/shared/outcome';
import type { Opening } from '@quorum/shared/records';
import type { Proposal } from '@quorum/snapshot/proposal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anAddress } from '../../../packages/shared/test/samples.ts';
import { anOpening, aProposal, aRun, DAY_S, HOUR_S, NOW_MS, NOW_S } from '../test/samples.ts';
import { inTime, nextRun, type Ended } from './next.ts';
import { unopened } from './summarise.ts';

const LEAD_S = 3_600;
const voter = anAddress();
const inSeconds = (seconds: number): number => NOW_MS + seconds * 1_000;
const HELD: Outcome = { kind: 'held', why: 'below_confidence' };
const NO_BUDGET: Outcome = { kind: 'skipped', why: 'budget' };
const AWAY: Outcome = { kind: 'failed', why: 'upstream_unavailable' };

/** A live run that selected proposals with these outcomes, and left over what ends so many seconds from now. */
function ended(
  outcomes: readonly (Outcome | null)[],
  left: number | null,
  given: Partial<Omit<Ended, 'opening'>> & { opening?: Partial<Opening>; fresh?: number | null } = {},
): Ended {
  const { opening, fresh = left, ...rest } = given;
  const proposals: Proposal[] = outcomes.map(() => aProposal({ end: NOW_S + 5 * DAY_S }));
  const end = (seconds: number | null): number | null => (seconds === null ? null : NOW_S + seconds);
  const left_over = { all: end(left), fresh: end(fresh) };
  return {
    dryRun: false,
    how: 'completed',
    opening: anOpening(proposals, { voter, left_over, ...opening }),
    outcomes: new Map(
      proposals.flatMap(({ id }, at) => {
        const outcome = outcomes[at];
        return outcome === undefined || outcome === null ? [] : [[id, { outcome }]];
      }),
    ),
    watch: null,
    standing: null,
    newPreferences: false,
    leadS: LEAD_S,
    nowMs: NOW_MS,
    ...rest,
  };
}

const watch = (nextS: number, dryRun = false) => ({ watch: { nextMs: inSeconds(nextS), dryRun } });

describe('what is left over', () => {
  it.for([
    ['nothing', null, null],
    ['ends in a day', DAY_S, inSeconds(DAY_S - LEAD_S)],
    ['ends in three hours', 3 * HOUR_S, inSeconds(2 * HOUR_S)],
  ] as const)('%s: a run starts the lead before it', ([, left, expected]) => {
    expect(nextRun(ended([HELD], left)).appointedMs).toBe(expected);
  });

  it('ends within the lead, and nothing got on: half the time that is left', () => {
    expect(nextRun(ended([AWAY], HOUR_S)).appointedMs).toBe(inSeconds(HOUR_S / 2));
    expect(nextRun(ended([], HOUR_S)).appointedMs).toBe(inSeconds(HOUR_S / 2));
  });

  it.for([
    ['failed', AWAY],
    ['was held since voting is paused', { kind: 'held', why: 'voting_paused' }],
    ['changed on the way', { kind: 'skipped', why: 'proposal_changed' }],
    ['was over the cap', { kind: 'skipped', why: 'vote_cap' }],
    ['nobody could pay for', NO_BUDGET],
    ['has no outcome', null],
  ] as const)('a proposal that %s is left over too', ([, outcome]) => {
    expect(nextRun(ended([{ kind: 'cast' }, outcome], null)).appointedMs).toBe(inSeconds(5 * DAY_S - LEAD_S));
  });

  it.for([
    ['cast', { kind: 'cast' }],
    ['held', HELD],
    ['voted on by its owner', { kind: 'skipped', why: 'already_voted' }],
  ] as const)('a proposal that is %s is not', ([, outcome]) => {
    expect(nextRun(ended([outcome], null)).appointedMs).toBeNull();
  });
});

describe('the run that follows at once', () => {
  it('comes for the fourth proposal behind three held ones, where it ends before the next turn of the watch', () => {
    const run = ended([HELD, HELD, HELD], 2 * DAY_S, watch(3 * DAY_S));
    expect(nextRun(run)).toMatchObject({ appointedMs: NOW_MS, checkMs: NOW_MS });
  });

  it('comes for what ends within the lead, with or without a watch', () => {
    expect(nextRun(ended([HELD, HELD, HELD], HOUR_S)).appointedMs).toBe(NOW_MS);
    expect(nextRun(ended([{ kind: 'cast' }], HOUR_S, watch(60))).appointedMs).toBe(NOW_MS);
  });

  it('comes where the preferences changed on the way', () => {
    const run = ended([{ kind: 'skipped', why: 'preferences' }], null, { newPreferences: true });
    expect(nextRun(run).appointedMs).toBe(NOW_MS);
  });

  it('does not come where the voter service alone finds other preferences: it would find them again', () => {
    const run = ended([{ kind: 'skipped', why: 'preferences' }], null);
    expect(nextRun(run).appointedMs).toBe(inSeconds(5 * DAY_S - LEAD_S));
  });

  it.for([
    ['the watch comes in time', ended([HELD], 2 * DAY_S, watch(DAY_S))],
    ['there is time, and no watch', ended([HELD], 2 * DAY_S)],
    ['nothing was selected', ended([], 2 * DAY_S, watch(3 * DAY_S))],
    ['nothing got on', ended([AWAY, AWAY], 2 * DAY_S, watch(3 * DAY_S))],
    ['there was no budget for any', ended([NO_BUDGET, NO_BUDGET, NO_BUDGET], HOUR_S, watch(3 * DAY_S))],
    ['all that is left was tried in vain', ended([HELD], 2 * DAY_S, { ...watch(3 * DAY_S), fresh: null })],
    ['it was to be a dry run', ended([{ kind: 'simulated' }], 60, { dryRun: true })],
    ['it became a dry run', ended([{ kind: 'simulated' }], HOUR_S, { opening: { dry_run: true } })],
    ['it was cancelled', ended([HELD], HOUR_S, { how: 'cancelled' })],
  ] as const)('does not come where %s', ([, run]) => {
    expect(nextRun(run).appointedMs).not.toBe(NOW_MS);
  });

  it('makes no loop: whatever runs come to, at once ends, and so does the halving', () => {
    const model_output: Outcome = { kind: 'failed', why: 'model_output' };
    const anyOutcome = fc.constantFrom<Outcome>(HELD, AWAY, NO_BUDGET, { kind: 'cast' }, model_output);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 200, max: 10 * DAY_S }),
        fc.infiniteStream(anyOutcome),
        (count, limit, leftS, outcomes) => {
          // A world of proposals with one end: those not tried yet, and those that were tried in vain.
          let [fresh, vain, nowMs, runs] = [count, 0, NOW_MS, 0];
          const end = NOW_S + leftS;
          for (;;) {
            runs += 1;
            if (end * 1_000 - nowMs < 120_000) break;
            const [first, again] = [Math.min(limit, fresh), Math.min(vain, Math.max(0, limit - fresh))];
            const came = Array.from({ length: first + again }, () => outcomes.next().value ?? AWAY);
            const gone = (at: number): boolean => came[at]?.kind === 'cast' || came[at]?.kind === 'held';
            const wasVain = (at: number): boolean => at >= first;
            const isVain = (at: number): boolean =>
              (came[at]?.kind === 'failed' && came[at] !== AWAY) || came[at] === NO_BUDGET;
            const all = came.map((_, at) => at);
            const left = fresh + vain - came.length;
            const run = ended(came, null, { nowMs });
            const { opening } = run;
            const left_over = { all: left > 0 ? end : null, fresh: fresh > first ? end : null };
            const selected = opening?.selected.map((one) => ({ ...one, end })) ?? [];
            const { appointedMs } = nextRun({ ...run, opening: opening && { ...opening, selected, left_over } });
            if (appointedMs === null) break;
            fresh -= all.filter((at) => !wasVain(at) && (gone(at) || isVain(at))).length;
            vain += all.filter((at) => !wasVain(at) && isVain(at)).length;
            vain -= all.filter((at) => wasVain(at) && gone(at)).length;
            expect(appointedMs).toBeGreaterThanOrEqual(nowMs);
            nowMs = appointedMs;
            // Each run takes one away for good, or halves the time: from an hour to two minutes is five times.
            expect(runs).toBeLessThanOrEqual(count + 8);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('no run starts by itself', () => {
  it.for([
    ['after a dry run', ended([{ kind: 'simulated' }], DAY_S, { dryRun: true })],
    ['after one that was cancelled', ended([null], DAY_S, { how: 'cancelled' })],
    [
      'where the owner has no signer',
      ended([{ kind: 'simulated' }], DAY_S, { opening: { dry_run: true, voter: null } }),
    ],
    ['where it could not open, for good', { ...ended([], null), opening: null, how: { failed: 'for good' } }],
  ] as const)('%s, but for the watch', ([, run]) => {
    expect(nextRun(run)).toMatchObject({ appointedMs: null, checkMs: null });
    expect(nextRun({ ...run, ...watch(90) })).toMatchObject({ appointedMs: null, checkMs: inSeconds(90) });
  });
});

it('a live run that preferences kept from voting gets another chance before the end', () => {
  const run = ended([{ kind: 'simulated' }], null, { opening: { dry_run: true } });
  expect(nextRun(run).appointedMs).toBe(inSeconds(5 * DAY_S - LEAD_S));
});

describe('a run that could not open', () => {
  /** One that failed, where an appointment stands at that time from now, for what ends so many seconds from now. */
  const unable = (failed: 'for now' | 'for good', at: number | null, ...lefts: readonly number[]): Ended => ({
    ...ended([], null),
    opening: null,
    how: { failed },
    standing: at === null ? null : { at: inSeconds(at), ends: lefts.map((left) => NOW_S + left) },
  });

  it('starts again a quarter of an hour later, where nothing presses', () => {
    expect(nextRun(unable('for now', null)).appointedMs).toBe(inSeconds(15 * 60));
    expect(nextRun(unable('for now', -5, 5 * DAY_S)).appointedMs).toBe(inSeconds(15 * 60));
    expect(unopened(aRun(newRunId())).left_over).toEqual({ all: null, fresh: null });
  });

  it.for([
    ['the turn that it kept came a quarter of an hour before the end', unable('for now', -30, 870), 435],
    ['a nearer appointment stands', unable('for now', 300, 700), 300],
    ['the nearer one stands behind that of a tick', tickInsteadOf(300, 5 * DAY_S), 300],
    ['another one ends, though the first has', unable('for now', -600, -60, 1_000), 500],
    ['there is no such space, says a hub that may be in trouble', unable('for good', -30, 870), 435],
    ['there is no such space, and there is time', unable('for good', -30, 5 * DAY_S), 5 * DAY_S - LEAD_S],
    ['it fails at once, with seconds left', unable('for now', -1, 90), 60],
  ] as const)('starts again in time where %s', ([, run, seconds]) => {
    expect(nextRun(run).appointedMs).toBe(inSeconds(seconds));
  });

  function tickInsteadOf(at: number, left: number): Ended {
    const standing = { at: inSeconds(-5), ends: [NOW_S + left], tick: { instead_of: inSeconds(at) } };
    return { ...unable('for now', null), standing };
  }

  it.for([
    ['there is no such space, and what was left has ended', unable('for good', -30, -10)],
    ['there is no such space, and nothing was left', unable('for good', 900)],
    ['it was cancelled', { ...unable('for now', 300, 870), how: 'cancelled' }],
  ] as const)('does not start again where %s', ([, run]) => {
    expect(nextRun(run).appointedMs).toBeNull();
  });

  it('remembers what the appointment is for, as long as it has not ended', () => {
    expect(nextRun(unable('for now', -30, -10, 870, 1_000)).ends).toEqual([NOW_S + 870, NOW_S + 1_000]);
    const left = ended([{ kind: 'cast' }, AWAY, AWAY], HOUR_S);
    expect(nextRun(left).ends).toEqual([NOW_S + HOUR_S, NOW_S + 5 * DAY_S]);
  });

  it('makes no loop: an outage that lasts until the end costs a run a minute at most, and ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 * HOUR_S }), (left) => {
        const end = NOW_S + left;
        let [nowMs, at, runs] = [NOW_MS, NOW_MS, 0];
        while (nowMs < end * 1_000) {
          const standing = { at, ends: [end] };
          const next = nextRun({ ...unable('for good', null), standing, nowMs }).appointedMs;
          if (next === null) break;
          expect(next - nowMs).toBeGreaterThanOrEqual(60_000);
          [nowMs, at, runs] = [next, next, runs + 1];
        }
        expect(runs).toBeLessThanOrEqual(10);
      }),
    );
  });
});

it('the next check is the earlier of the watch and the appointment', () => {
  expect(nextRun(ended([HELD], DAY_S, watch(60))).checkMs).toBe(inSeconds(60));
  expect(nextRun(ended([HELD], DAY_S, watch(2 * DAY_S, true))).checkMs).toBe(inSeconds(DAY_S - LEAD_S));
});

describe('in time', () => {
  it('lies between now and the earliest end', () => {
    const anyLeft = fc.integer({ min: 120, max: 400 * DAY_S });
    fc.assert(
      fc.property(fc.array(anyLeft, { minLength: 1 }), fc.nat({ max: 2 * DAY_S }), (lefts, lead) => {
        const next = inTime(
          lefts.map((left) => NOW_S + left),
          NOW_MS,
          lead,
        );
        expect(next).toBeGreaterThan(NOW_MS);
        expect(next).toBeLessThanOrEqual(inSeconds(Math.min(...lefts)));
      }),
    );
  });

  it('is a time that can be read back, however far the end is', () => {
    for (const end of [253_402_300_800, Number.MAX_SAFE_INTEGER]) {
      const next = new Date(inTime([end], NOW_MS, LEAD_S) ?? NaN).toISOString();
      expect(next).toMatch(/^\d{4}-/);
      expect(Date.parse(next)).toBeGreaterThan(NOW_MS);
    }
  });
});
