/**
 * A run of ten proposals whose model takes three seconds, from the request to its end, against two scripts that make the same calls:
 *
 * - its critical path: the calls to the hub (the list, what was voted, then the power on all of them and their texts at once), then for
 *   all proposals at once the samples and the reader at once, and the judge of what was read. Nothing that could be done at once waits, and there is no queue and no Redis: no agent that makes
 *   these calls is faster, whatever it is made of. The model alone is six seconds of it.
 * - a sequential agent: the same, but one proposal after the other. Within a proposal it asks at once what can be asked at once.
 *
 * The latency is the sandbox's, so that a run takes the same on any machine that is not busy.
 */
import { result, type Benchmark } from './benchmark.ts';
import { inSlowTurns, wallMs, type Measured } from './measure.ts';
import { spacesOf, spacesOfTurns, startStand, type Stand } from './stand.ts';

const PROPOSALS = 10;
const LATENCY_MS = 3_000;
const MOST_OF_CRITICAL_PATH = 1.1;
const LEAST_OF_SEQUENTIAL = 5;
/** Of runs without latency before it, to warm up. */
const WARM_UP_SPACES = spacesOf('warm-up', 10);
const TURNS = { warmUp: 1, turns: 3 } as const;

export const tenProposals: Benchmark = {
  name: 'ten-proposals',
  does: 'a run of ten proposals, the model at 3 s, against its critical path and a sequential agent',
  async run() {
    const stand = await startStand(1, [...WARM_UP_SPACES, ...spacesOfTurns(TURNS, 1)]);
    try {
      await warmUp(stand);
      await stand.latency(LATENCY_MS);
      const prepare = (turn: number) => stand.put(spacesOf(turn, 1), PROPOSALS);
      const inSpace = (turn: number): string => spacesOf(turn, 1)[0] ?? '';
      const run = (turn: number) => wallMs(async () => expectTen((await stand.dryRun(inSpace(turn))).decisions));
      const whole = await inSlowTurns({ ...TURNS, prepare }, run, (turn) =>
        wallMs(async () => expectTen(await stand.script.run(inSpace(turn)))),
      );
      // A minute: once.
      const sequentialMs = await wallMs(async () =>
        expectTen(await stand.script.runOneByOne(inSpace(TURNS.turns - 1))),
      );
      return [againstCriticalPath(whole), againstSequential(whole, sequentialMs)];
    } finally {
      await stand.stop();
    }
  },
};

async function warmUp(stand: Stand): Promise<void> {
  await stand.put(WARM_UP_SPACES, PROPOSALS);
  for (const space of WARM_UP_SPACES) {
    await stand.dryRun(space);
    await stand.script.run(space);
  }
}

function expectTen(decisions: readonly unknown[]): void {
  if (decisions.length !== PROPOSALS) throw new Error(`${decisions.length} proposals were decided, not ${PROPOSALS}`);
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;

function againstCriticalPath({ ratio, spread, oursMs, againstMs }: Measured) {
  return result({
    name: 'ten-proposals',
    value: ratio,
    spread,
    unit: '×',
    budget: MOST_OF_CRITICAL_PATH,
    bound: 'most',
    note: `${seconds(oursMs)} against ${seconds(againstMs)} on the critical path, ${seconds(2 * LATENCY_MS)} of it the model's`,
  });
}

function againstSequential({ oursMs, ratio, spread }: Measured, sequentialMs: number) {
  const faster = sequentialMs / oursMs;
  return result({
    name: 'ten-proposals-sequential',
    value: faster,
    // The sequential agent's time is all but the model's: what varies is ours.
    spread: (faster * spread) / ratio,
    unit: '×',
    budget: LEAST_OF_SEQUENTIAL,
    bound: 'least',
    note: `faster: ${seconds(oursMs)} against ${seconds(sequentialMs)}, one proposal after the other`,
  });
}
