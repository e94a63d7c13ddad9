import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/property-runs.ts';
import { anySamples } from '../test/arbitraries.ts';
import { anAnswer, ballotFor, noAnswer, sharesOf } from '../test/samples.ts';
import { aggregate, AGREEMENT_DISTANCE, type Aggregate } from './aggregate.ts';
import { ballotDistance } from './ballot-distance.ts';
import { whoAnswered, type Sample } from './decision.ts';

type Aggregated = Extract<Aggregate, { kind: 'aggregated' }>;

function together(samples: readonly Sample[]): Aggregated {
  const result = aggregate(samples);
  if (result.kind !== 'aggregated') throw new Error(`not aggregated: ${result.kind}`);
  return result;
}

/** The samples, one of them missing. */
const without = (samples: readonly Sample[], at: number): Sample[] =>
  samples.map((sample, index) => (index === at ? noAnswer(sample.model) : sample));

describe('samples together', () => {
  it('choose a ballot that one of them chose', () => {
    fc.assert(
      fc.property(anySamples(), (samples) => {
        const result = aggregate(samples);
        if (result.kind !== 'aggregated' || result.ballot === null) return;
        const chosen = samples.flatMap((sample) => (sample.kind === 'answer' ? [sample.ballot] : []));
        expect(chosen).toContainEqual(result.ballot);
      }),
    );
  });

  it('say the same in any order', () => {
    const shuffled = anySamples().chain((samples) =>
      fc.tuple(
        fc.constant(samples),
        fc.shuffledSubarray(samples, { minLength: samples.length, maxLength: samples.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([samples, others]) => {
        expect(aggregate(others)).toEqual(aggregate(samples));
      }),
      { numRuns: runs(500) },
    );
  });

  it('are never surer than they agree', () => {
    fc.assert(
      fc.property(anySamples(), (samples) => {
        const result = aggregate(samples);
        if (result.kind !== 'aggregated') return;
        expect(result.confidence).toBeLessThanOrEqual(result.agreement);
        expect(result.agreement).toBeLessThanOrEqual(1);
        if (result.ballot !== null) expect(result.agreement).toBeGreaterThan(0.5);
      }),
    );
  });

  it('agree no more when one of them goes missing', () => {
    fc.assert(
      fc.property(anySamples(), fc.nat(), (samples, at) => {
        const [before, after] = [aggregate(samples), aggregate(without(samples, at % samples.length))];
        if (after.kind !== 'aggregated') return;
        expect(after.agreement).toBeLessThanOrEqual(before.kind === 'aggregated' ? before.agreement : 0);
      }),
      { numRuns: runs(500) },
    );
  });

  it('are no surer, and find no ballot where they had none, when one that dissents goes missing', () => {
    fc.assert(
      fc.property(anySamples(), (drawn) => {
        // Reasons of its own for each, to find the winner again.
        const samples = drawn.map((sample, at) => ({ ...sample, rationale: `${at}` }));
        const before = aggregate(samples);
        if (before.kind !== 'aggregated') return;
        const winner = samples.find((sample) => sample.kind === 'answer' && sample.rationale === before.rationale);
        if (winner?.kind !== 'answer') throw new Error('the winner is one of the samples');
        for (const [at, sample] of samples.entries()) {
          if (sample.kind !== 'answer') continue;
          if (ballotDistance(sample.ballot, winner.ballot) <= AGREEMENT_DISTANCE) continue;
          const after = aggregate(without(samples, at));
          if (after.kind !== 'aggregated') continue;
          expect(after.confidence).toBeLessThanOrEqual(before.confidence);
          expect(after.agreement).toBe(before.agreement);
          if (before.ballot === null) expect(after.ballot).toBeNull();
        }
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('are no surer either when one that agrees, but doubts, goes missing', () => {
    const sureAs = (...confidences: number[]) => confidences.map((confidence) => anAnswer({ confidence }));
    const doubting = sureAs(0.3, 0.4, 0.9);
    expect(together(without(doubting, 0)).confidence).toBeLessThanOrEqual(together(doubting).confidence);
    const any = fc.array(
      fc.record({ confidence: fc.integer({ min: 0, max: 10 }), choice: fc.constantFrom(1, 1, 1, 2) }),
      {
        minLength: 1,
        maxLength: 9,
      },
    );
    fc.assert(
      fc.property(any, (drawn) => {
        const samples = drawn.map(({ confidence, choice }) =>
          anAnswer({ confidence: confidence / 10, ballot: ballotFor(choice) }),
        );
        const before = together(samples);
        for (const at of samples.keys()) {
          const after = aggregate(without(samples, at));
          if (after.kind !== 'aggregated' || after.ballot === null) continue;
          expect(after.confidence).toBeLessThanOrEqual(before.confidence);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it('choose among weights the ballot that most agree with, whether one that is far from all is missing or not', () => {
    const shares = [708, 591, 298, 134, 28].map((share) => anAnswer({ ballot: sharesOf(share, 1_000 - share) }));
    const before = together(shares);
    expect(before).toMatchObject({ agreement: 0.6, ballot: sharesOf(134, 866) });
    expect(together(without(shares, 0))).toMatchObject({ agreement: 0.6, ballot: sharesOf(134, 866) });
  });

  it('count agreement over all that were asked, not over those that answered', () => {
    expect(together([anAnswer(), anAnswer(), noAnswer()]).agreement).toBeCloseTo(2 / 3);
    expect(together([anAnswer(), anAnswer(), anAnswer()]).agreement).toBe(1);
  });

  it('are as sure as the median of those that agree, if that is less than the agreement', () => {
    const dissenter = anAnswer({ ballot: ballotFor(2), confidence: 0.1 });
    const sure = [0.5, 0.6, 0.9].map((confidence) => anAnswer({ confidence }));
    expect(together([...sure, dissenter]).confidence).toBe(0.6);
    expect(together([anAnswer({ confidence: 0.5 }), anAnswer({ confidence: 0.7 })]).confidence).toBeCloseTo(0.6);
    expect(together([...sure.map((answer) => ({ ...answer, confidence: 1 })), dissenter]).confidence).toBe(0.75);
  });

  it('are as risky and as grave as the gravest of them, the one that dissents included', () => {
    const grave = anAnswer({ ballot: ballotFor(2), risk_level: 'high', stakes: 'high' });
    expect(together([anAnswer(), anAnswer(), grave])).toMatchObject({ risk_level: 'high', stakes: 'high' });
    expect(together([anAnswer(), anAnswer({ risk_level: 'medium' })])).toMatchObject({
      risk_level: 'medium',
      stakes: 'low',
    });
  });

  it('have no ballot where no more than half agree', () => {
    expect(together([anAnswer(), anAnswer({ ballot: ballotFor(2) })]).ballot).toBeNull();
    const three = [1, 2, 3].map((index) => anAnswer({ ballot: ballotFor(index) }));
    expect(together(three).ballot).toBeNull();
    // Two of four asked: half, although they are all that the others are not.
    expect(together([anAnswer(), anAnswer(), anAnswer({ ballot: ballotFor(2) }), noAnswer()]).ballot).toBeNull();
  });

  it('choose the weights in the middle, never a mean', () => {
    const middle = sharesOf(60, 40);
    const result = together([sharesOf(50, 50), middle, sharesOf(70, 30)].map((ballot) => anAnswer({ ballot })));
    expect(result.ballot).toEqual(middle);
    expect(result.agreement).toBe(1);
  });

  it('give the reasons of the answer whose ballot won', () => {
    const winner = { rationale: 'Because it pays.', key_factors: ['income'] };
    const other = anAnswer({ ballot: ballotFor(2), rationale: 'Never.', key_factors: ['danger'] });
    expect(together([anAnswer(winner), anAnswer(winner), other])).toMatchObject(winner);
  });

  it('give the ground of the risk that they come to, whoever saw it', () => {
    const calm = { risk_ground: 'Little is spent.', key_factors: ['income'] };
    const alarmed = anAnswer({ ballot: ballotFor(2), risk_level: 'high', risk_ground: 'It cannot be undone.' });
    const high = together([anAnswer(calm), anAnswer(calm), alarmed]);
    expect(high.key_factors).toEqual(['income', 'Risk (high): It cannot be undone.']);
    const low = together([anAnswer(calm), anAnswer({ ...calm, risk_ground: 'Another.' }), anAnswer(calm)]);
    expect(low.key_factors).toEqual(['income', expect.stringMatching(/^Risk \(low\): /)]);
  });

  it('never give the ground of another risk, and none where none was asked for', () => {
    fc.assert(
      fc.property(anySamples(), (samples) => {
        const result = aggregate(samples);
        if (result.kind !== 'aggregated') return;
        const start = `Risk (${result.risk_level}): ${result.risk_level}, for `;
        expect(result.key_factors).toEqual([expect.stringContaining(start)]);
      }),
    );
    expect(together([anAnswer()]).key_factors).toEqual(anAnswer().key_factors);
  });
});

describe('too few answers', () => {
  it.for([
    [2, 3, true],
    [1, 3, false],
    [1, 1, true],
    [0, 1, false],
    [3, 5, false],
    [4, 5, true],
    [4, 6, true],
    [1, 2, false],
  ] as const)('%i of %i are enough: %s', ([valid, asked, enough]) => {
    const samples = Array.from({ length: asked }, (_, at) => (at < valid ? anAnswer() : noAnswer()));
    expect(aggregate(samples).kind).toBe(enough ? 'aggregated' : 'too_few_answers');
  });

  it('is what a model that was asked and never answered makes of any number of others', () => {
    const samples = [...Array.from({ length: 8 }, () => anAnswer()), noAnswer('second')];
    expect(aggregate(samples)).toEqual({ kind: 'too_few_answers' });
  });

  it('is what no sample at all is', () => {
    expect(aggregate([])).toEqual({ kind: 'too_few_answers' });
  });
});

describe('two models', () => {
  const first = (ballot: number) => anAnswer({ model: 'first', ballot: ballotFor(ballot) });
  const second = (ballot: number) => anAnswer({ model: 'second', ballot: ballotFor(ballot) });

  it('with one winner have a ballot', () => {
    expect(together([first(1), first(1), second(1), second(1)]).ballot).toEqual(ballotFor(1));
  });

  it('with two winners have none, however clear the majority', () => {
    const samples = [...Array.from({ length: 6 }, () => first(1)), second(2), second(2), second(2)];
    const result = together(samples);
    expect(result.ballot).toBeNull();
    expect(result.agreement).toBeCloseTo(6 / 9);
  });

  it('may differ in a sample, if each chooses the same by itself', () => {
    expect(together([first(1), first(1), first(2), second(1), second(1), second(2)]).ballot).toEqual(ballotFor(1));
  });
});

describe('a fallback model', () => {
  const said = (model: string, ballot: number, standIn?: string) =>
    anAnswer({ model, ballot: ballotFor(ballot), ...(standIn === undefined ? {} : { stand_in: standIn }) });

  it('may stand in for the only model, and for one of two', () => {
    expect(together([said('first', 1), said('first', 1, 'spare'), said('first', 1, 'spare')]).ballot).toEqual(
      ballotFor(1),
    );
    expect(together([said('first', 1, 'spare'), said('second', 1)]).ballot).toEqual(ballotFor(1));
  });

  it('is one voice where it answers for two, and a model that stands in for the other too', () => {
    expect(aggregate([said('first', 1, 'spare'), said('second', 1, 'spare')]).kind).toBe('too_few_answers');
    expect(aggregate([said('first', 1, 'second'), said('second', 1)]).kind).toBe('too_few_answers');
    expect(aggregate([said('first', 1, 'spare'), said('second', 1, 'other')]).kind).toBe('aggregated');
    const three = [said('a', 1), said('a', 1, 's'), said('a', 1, 't'), said('b', 1, 's'), said('c', 1, 's')];
    expect(aggregate(three).kind).toBe('too_few_answers');
  });

  it('does not outvote both models that it stands in for', () => {
    const of = (model: string) => [said(model, 2), said(model, 1, 'spare'), said(model, 1, 'spare')];
    expect(together([...of('first'), ...of('second')]).ballot).toBeNull();
  });

  it('dissents like any other: what goes missing makes nobody surer, and no ballot of a disagreement', () => {
    const one = fc
      .tuple(
        fc.constantFrom('first', 'second'),
        fc.constantFrom(1, 1, 2),
        fc.constantFrom(undefined, undefined, 'spare', 'second'),
      )
      .map(([model, ballot, standIn]) => said(model, ballot, standIn));
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 8 }), (samples) => {
        const before = aggregate(samples);
        for (const at of samples.keys()) {
          const after = aggregate(without(samples, at));
          if (before.kind === 'too_few_answers') expect(after.kind).toBe('too_few_answers');
          if (before.kind !== 'aggregated' || after.kind !== 'aggregated') continue;
          expect(after.agreement).toBeLessThanOrEqual(before.agreement);
          if (before.ballot === null) expect(after.ballot).toBeNull();
          else if (after.ballot !== null) expect(after.ballot).toEqual(before.ballot);
        }
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('is never the only one behind a ballot of two models', () => {
    const one = fc
      .tuple(fc.constantFrom('first', 'second'), fc.constantFrom(1, 2), fc.constantFrom(undefined, 'spare', 'spare'))
      .map(([model, ballot, standIn]) => said(model, ballot, standIn));
    fc.assert(
      fc.property(fc.array(one, { minLength: 2, maxLength: 9 }), (samples) => {
        const result = aggregate(samples);
        if (result.kind !== 'aggregated' || result.ballot === null) return;
        if (new Set(samples.map(({ model }) => model)).size < 2) return;
        const { ballot } = result;
        const behind = samples.filter((sample) => ballotDistance(sample.ballot, ballot) === 0).map(whoAnswered);
        expect(new Set(behind).size).toBeGreaterThan(1);
      }),
      { numRuns: runs(1_000) },
    );
  });
});
