import { defineConfig } from 'vitest/config';
import { mustTestBuilds } from './scripts/builds.ts';

const system = {
  globalSetup: ['test/support/global-setup.ts'],
  // Files share the modules of their process: loading them anew takes seconds of each file.
  isolate: false,
};

const builds = { ...system, name: 'builds', include: ['test/builds/**/*.test.ts'] };
const hasBuilds = mustTestBuilds();
if (!hasBuilds) process.stderr.write('test/builds: skipped, because none of its inputs has changed.\n');

export default defineConfig({
  test: {
    setupFiles: ['test/support/seed-fast-check.ts'],
    pool: 'forks',
    // Real servers and processes on two cores: more at once only makes them wait for each other.
    maxWorkers: 2,
    // Far more than any needs: a busy machine must not fail a test.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Listeners, timers and connections that are left behind fail the run instead of hanging it.
    teardownTimeout: 30_000,
    projects: [
      // Rules beside their code: no database, no program.
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'], isolate: false } },
      {
        extends: true,
        test: { ...system, name: 'system', include: ['test/**/*.test.ts'], exclude: ['test/builds/**'] },
      },
      ...(hasBuilds ? [{ extends: true as const, test: builds }] : []),
    ],
  },
});
