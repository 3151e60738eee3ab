import { expect, test } from 'vitest';
import { createInFlightJobs } from './in-flight-jobs.ts';

/** Starts a job that ends on request. */
function start(jobs: ReturnType<typeof createInFlightJobs>, id: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let jobSignal: AbortSignal | undefined;
  const ended = jobs.run([id, 'batch'], (signal) => {
    jobSignal = signal;
    return promise;
  });
  return {
    isAborted: () => jobSignal?.aborted,
    async end() {
      resolve();
      await ended;
    },
  };
}

test('holds a page that is claimed again while its first reading ends, and can cancel it', async () => {
  const jobs = createInFlightJobs(new AbortController().signal);
  const first = start(jobs, 'page');
  jobs.cancel('batch');
  const second = start(jobs, 'page');
  await first.end();
  expect(jobs.ids()).toEqual(['page']);
  expect([first.isAborted(), second.isAborted()]).toEqual([true, false]);
  jobs.cancel('page');
  expect(second.isAborted()).toBe(true);
  await second.end();
  expect(jobs.ids()).toEqual([]);
});
