/** Every benchmark that there is, in the order in which `npm run bench` runs them. */
import { accepting } from './accepting.ts';
import type { Benchmark } from './benchmark.ts';
import { cpuPerRun } from './cpu-per-run.ts';
import { filterRank } from './filter-rank.ts';
import { history } from './history.ts';
import { idleRun } from './idle-run.ts';
import { keptBytes } from './kept-bytes.ts';
import { observingCost } from './observing-cost.ts';
import { scaleOut } from './scale-out.ts';
import { start } from './start.ts';
import { tenProposals } from './ten-proposals.ts';
import { workerMemory } from './worker-memory.ts';

export const BENCHMARKS: readonly Benchmark[] = [
  cpuPerRun,
  idleRun,
  tenProposals,
  keptBytes,
  accepting,
  filterRank,
  workerMemory,
  history,
  start,
  observingCost,
  scaleOut,
];
