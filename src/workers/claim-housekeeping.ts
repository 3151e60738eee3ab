import type { Transact } from '../db/client.ts';
import type { Queue } from '../queue/queue.ts';

/** How often old things are deleted. */
const EVERY_MS = 60 * 60_000;
/** The first time: not while a program is starting. */
const FIRST_AFTER_MS = 60_000;

interface Deps {
  readonly transact: Transact;
  readonly queue: Queue;
}

/** Takes the job that deletes old things, if it is due, and puts the next one in. True if it was: then do it. */
export function claimHousekeeping(deps: Deps): Promise<boolean> {
  return deps.transact(async (tx) => {
    const { jobs, settle } = await deps.queue.take(tx, 'housekeeping', 1);
    if (jobs.length === 0) return false;
    // Before the next one: the queue takes one at a time.
    await settle();
    await deps.queue.enqueue(tx, 'housekeeping', [{ payload: {}, delayMs: EVERY_MS }]);
    return true;
  });
}

/** Sees to it that the job is there. The queue takes one at a time: a second one is left out. */
export function scheduleHousekeeping(deps: Deps): Promise<void> {
  return deps.transact((tx) =>
    deps.queue.enqueue(tx, 'housekeeping', [{ payload: {}, delayMs: FIRST_AFTER_MS }]),
  );
}
