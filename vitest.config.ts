import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    setupFiles: ['test/support/seed-fast-check.ts'],
    pool: 'forks',
    // Real servers and processes on two cores: more at once only makes them wait for each other.
    maxWorkers: 2,
    // Far more than any needs: a busy machine must not fail a test.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Listeners, timers and connections that a file leaves behind fail the run instead of hanging
    // it.
    teardownTimeout: 30_000,
    projects: [
      // Rules beside their code: no database, no program.
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
    ],
  },
});
