import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';

/** Something to let go of at the end. */
export interface Closer {
  readonly name: string;
  /** In milliseconds, if it may take longer than others. */
  readonly withinMs?: number;
  close(): Promise<void>;
}

/** Longer than any part may take by its own rules; one that takes longer waits for something that will not come. */
const CLOSE_WITHIN_MS = 25_000;
/** What keeps the process alive after everything was let go of is a lost connection that is being tried again. */
const EXIT_WITHIN_MS = 2000;

/**
 * Lets go of everything, the last opened first. One that fails (the database is gone, say) does not keep the others
 * from closing; it is logged, and the program ends with exit code 1.
 */
export async function closeAll(closers: readonly Closer[], log: Log): Promise<void> {
  for (const { name, close, withinMs = CLOSE_WITHIN_MS } of closers.toReversed()) {
    try {
      const late = sleep(withinMs, undefined, { ref: false }).then(() => {
        throw new Error(`${name} did not close in time`);
      });
      await Promise.race([close(), late]);
    } catch (err) {
      log.warn({ err }, `${name} could not be closed cleanly`);
      process.exitCode = 1;
    }
  }
  setTimeout(() => process.exit(), EXIT_WITHIN_MS).unref();
}
