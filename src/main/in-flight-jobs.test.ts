import { expect, test } from 'vitest';
import { createInFlightJobs } from './in-flight-jobs.ts';

/** Starts a job that ends on request. */
function start(held: ReturnType<typeof createInFlightJobs>, id: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let given: AbortSignal | undefined;
  const ended = held.run([id, 'batch'], (signal) => {
    given = signal;
    return promise;
  });
  return {
    isAborted: () => given?.aborted,
    async end() {
      resolve();
      await ended;
    },
  };
}

test('a page that is claimed again while its first reading ends is held, and can be cancelled', async () => {
  const held = createInFlightJobs(new AbortController().signal);
  const first = start(held, 'page');
  held.cancel('batch');
  const second = start(held, 'page');
  await first.end();
  expect(held.ids()).toEqual(['page', 'batch']);
  expect([first.isAborted(), second.isAborted()]).toEqual([true, false]);
  held.cancel('page');
  expect(second.isAborted()).toBe(true);
  await second.end();
  expect(held.ids()).toEqual([]);
});
