import { expect, test } from 'vitest';
import { drawCases, workOff } from '../test/ballot-cases.ts';
import { useStand } from '../test/stand.ts';

const stand = useStand();

const PARTS = 5;
const EACH = 1_000;

test.each(Array.from({ length: PARTS }, (_, at) => at + 1))(
  'of 5,000 ballots none is stored as another: part %i of five',
  async (part) => {
    const seed = (Date.now() % 1_000_000) + part;
    const tally = await workOff(stand, drawCases(EACH, seed));
    expect({ seed, wrong: tally.wrong.slice(0, 20), more: tally.wrong.length }).toEqual({ seed, wrong: [], more: 0 });
    expect(tally.cast + tally.refused).toBe(EACH);
    expect(tally.secret).toBeGreaterThan(EACH / 20);
  },
  900_000,
);
