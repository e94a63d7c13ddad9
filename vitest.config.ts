/** One configuration for every test of the tree: `vitest run packages/snapshot` runs a part of it. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{services,packages,scripts,test}/**/*.test.ts'],
    environment: 'node',
    // Tests start processes, servers and Redis; two at a time is what two cores bear.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
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
