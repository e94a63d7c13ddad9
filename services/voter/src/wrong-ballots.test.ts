import { expect, test } from 'vitest';
import { drawCases, workOff } from '../test/ballot-cases.ts';
import { useStand } from '../test/stand.ts';

const stand = useStand();

test('of 150 ballots, on proposals that are edited, secret and written in any script, none is stored as another', async () => {
  const seed = Date.now() % 1_000_000;
  const tally = await workOff(stand, drawCases(150, seed));
  expect({ seed, wrong: tally.wrong }).toEqual({ seed, wrong: [] });
  // Of what is drawn by lot there are some hundred, some twenty and some thirty; fewer than these once in a million runs.
  expect(tally.cast).toBeGreaterThan(75);
  expect(tally.secret).toBeGreaterThan(1);
  expect(tally.refused).toBeGreaterThan(3);
});
