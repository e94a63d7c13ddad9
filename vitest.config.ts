/**
 * One configuration for every test of the tree: `vitest run packages/snapshot` runs a part of it. Long proofs are in files of their
 * own, `*.slow.test.ts`: TEST_SET=slow runs those and nothing else, as `npm run test:slow` does.
 */
import { configDefaults, defineConfig } from 'vitest/config';

const slow = process.env['TEST_SET'] === 'slow';

export default defineConfig({
  test: {
    include: [`{services,packages,scripts,test,bench}/**/*${slow ? '.slow' : ''}.test.ts`],
    exclude: [...configDefaults.exclude, ...(slow ? [] : ['**/*.slow.test.ts'])],
    environment: 'node',
    // Tests start processes, servers and Redis; two at a time is what two cores bear.
    pool: 'forks',
    maxWorkers: 2,
    // They bound a hang and nothing else: no test may fail because the machine is busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
    coverage: {
      provider: 'v8',
      include: ['services/*/src/**/*.ts', 'packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      // The services run as processes of their own: without this they would count as untested.
      autoAttachSubprocess: true,
    },
  },
});
