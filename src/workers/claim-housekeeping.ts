import type { FeatureDeps } from '../queue/feature-deps.ts';

/** How often old rows are deleted. */
const EVERY_MS = 60 * 60_000;
/** Delay of the first time, so that it is not during the start of a program. */
const FIRST_AFTER_MS = 60_000;

/**
 * Takes the housekeeping job if it is due, and enqueues the next one. Returns true if it was due:
 * the caller must then do the work.
 */
export function claimHousekeeping(deps: FeatureDeps): Promise<boolean> {
  return deps.transact(async (tx) => {
    const { jobs, complete } = await deps.queue.fetch(tx, 'housekeeping', 1);
    if (jobs.length === 0) return false;
    // Before the next one is enqueued: only one housekeeping job may wait.
    await complete();
    await deps.queue.enqueue(tx, 'housekeeping', [{ payload: {}, delayMs: EVERY_MS }]);
    return true;
  });
}

/** Ensures that the job is in the queue. Only one may wait, so the queue ignores a second one. */
export function scheduleHousekeeping(deps: FeatureDeps): Promise<void> {
  return deps.transact((tx) =>
    deps.queue.enqueue(tx, 'housekeeping', [{ payload: {}, delayMs: FIRST_AFTER_MS }]),
  );
}
