/**
 * One configuration for every test of the tree: `vitest run packages/snapshot` runs a part of it. Long proofs are in files of their
 * own, `*.slow.test.ts`: TEST_SET=slow runs those and nothing else, as `npm run test:slow` does. So are those that want a container
 * engine, `*.containers.test.ts` (TEST_SET=containers), and what votes on Snapshot's test network, `*.live.test.ts` (TEST_SET=testnet).
 * TEST_SET=mutation runs the tests of the modules that `npm run test:mutation` mutates.
 */
import { configDefaults, defineConfig, type Plugin } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { mutatedModules } from './scripts/mutated.ts';
import { warmPool } from './test/mutation/warm-pool.ts';

const TREE = '{services,packages,scripts,test,bench,eval}/**/*';
const APART = ['**/*.slow.test.ts', '**/*.containers.test.ts', '**/*.live.test.ts'];
/** Run with the engine too, so that Redis in a container is tried: what a Redis must be, its transitions, a whole run, a Redis away. */
const WITH_REDIS_IN_A_CONTAINER = [
  'test/redis.test.ts',
  'packages/shared/src/transitions-{redis,votes}.test.ts',
  'test/e2e/main-job.test.ts',
  'test/e2e/redis-late.test.ts',
];

const SETS = {
  usual: { include: [`${TREE}.test.ts`], exclude: APART },
  slow: { include: [`${TREE}.slow.test.ts`], exclude: [] },
  testnet: { include: [`${TREE}.live.test.ts`], exclude: [] },
  mutation: {
    include: mutatedModules(process.env['MUTATED_MODULES'] ?? '').flatMap(([, { tests }]) => tests),
    exclude: [],
  },
  containers: { include: [`${TREE}.containers.test.ts`, ...WITH_REDIS_IN_A_CONTAINER], exclude: [] },
};
const set = process.env['TEST_SET'];
const isApart = (name: string | undefined): name is Exclude<keyof typeof SETS, 'usual'> =>
  name !== undefined && name !== 'usual' && Object.hasOwn(SETS, name);
const { include, exclude } = SETS[isApart(set) ? set : 'usual'];

/** Test files in the order in which they are named: of a mutant nothing more is run once a test has failed. */
class AsNamed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => include.findIndex((name) => moduleId.endsWith(name));
    return files.toSorted((a, b) => place(a) - place(b));
  }
}

/** Behind the pool that Stryker asks for: it knows those of vitest alone. */
const WARM: Plugin = {
  name: 'warm',
  configureVitest({ vitest, project }) {
    const pool = warmPool();
    vitest.onClose(pool.close);
    project.config.pool = pool.name;
    project.config.poolRunner = pool;
  },
};

export default defineConfig({
  plugins: set === 'mutation' ? [WARM] : [],
  test: {
    include,
    exclude: [...configDefaults.exclude, ...exclude],
    environment: 'node',
    setupFiles: ['test/seed.ts', ...(set === 'mutation' ? ['test/mutation/no-mutant-yet.ts'] : [])],
    // Tests start processes, servers and Redis; two at a time is what two cores bear.
    pool: 'forks',
    ...(set === 'mutation' ? { sequence: { sequencer: AsNamed } } : {}),
    maxWorkers: 2,
    // They bound a hang and nothing else: no test may fail because the machine is busy.
    // Mutated code runs slower, and all of the tests are run at once before any mutant is judged.
    // More than what is waited for in them (`until` in test/stack.ts), so that what did not come is named.
    testTimeout: set === 'mutation' ? 600_000 : 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    coverage: {
      provider: 'v8',
      include: ['services/*/src/**/*.ts', 'packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      // Held where all is measured: with `npm test`, and not with a part of it.
      thresholds: { lines: 90, branches: 90 },
      reporter: ['text-summary', 'json-summary', 'html'],
      // One test that fails must not hide what all others reached.
      reportOnFailure: true,
      // The services run as processes of their own: without this they would count as untested.
      autoAttachSubprocess: true,
    },
  },
});
