/**
 * One run on a system that does nothing else, from the request to its end, against a bare BullMQ flow on the same Redis that makes the
 * same calls. Runs are dry and of three proposals; the model answers at once, so that what is left is what the two do themselves.
 */
import { startBareFlow } from './bare-flow.ts';
import { result, type Benchmark } from './benchmark.ts';
import { inSlowTurns, wallMs } from './measure.ts';
import { spacesOf, startStand } from './stand.ts';

const BUDGET = 2;
const PROPOSALS = 3;
const TURNS = { warmUp: 60, turns: 61 } as const;

export const idleRun: Benchmark = {
  name: 'idle-run',
  does: 'one run on an idle system, end to end, against a bare BullMQ flow of the same calls',
  async run() {
    const stand = await startStand(1);
    try {
      const bare = await startBareFlow(stand.fleet.redisUrl, stand.script);
      const spaces = spacesOf('idle', TURNS.warmUp + TURNS.turns);
      const spaceOf = (turn: number): string => spaces.at(TURNS.warmUp + turn) ?? '';
      await stand.put(spaces, PROPOSALS);
      try {
        const { ratio, spread, oursMs, againstMs } = await inSlowTurns(
          TURNS,
          (turn) => wallMs(() => stand.dryRun(spaceOf(turn))),
          (turn) => wallMs(() => bare.run(spaceOf(turn))),
        );
        return [
          result({
            name: 'idle-run',
            value: ratio,
            spread,
            unit: '×',
            budget: BUDGET,
            bound: 'most',
            note: `${oursMs.toFixed(0)} ms against ${againstMs.toFixed(0)} ms`,
          }),
        ];
      } finally {
        await bare.close();
      }
    } finally {
      await stand.stop();
    }
  },
};
