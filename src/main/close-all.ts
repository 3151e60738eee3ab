import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../lib/log.ts';

/** A part of the program that must be closed at the end. */
export interface Closer {
  readonly name: string;
  /** Time limit in milliseconds, if it may need more than the default. */
  readonly withinMs?: number;
  close(): Promise<void>;
}

/**
 * Longer than any part needs by its own limits; a part that exceeds it waits for an event that will
 * not come.
 */
const CLOSE_WITHIN_MS = 25_000;
/**
 * If the process is still alive this long after all parts are closed, a lost connection is being
 * retried; the process then exits.
 */
const EXIT_WITHIN_MS = 2000;

/**
 * Closes all parts, last opened first. If one fails (for example because the database is down),
 * logs it, closes the others, and sets the exit code to 1.
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
