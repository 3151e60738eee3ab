import type { Orm, Transact } from '../db/client.ts';
import type { Queue } from './queue.ts';

/** What every verb of a feature gets as its first argument. */
export interface FeatureDeps {
  /** For single statements. */
  readonly orm: Orm;
  /** For several statements that belong together. */
  readonly transact: Transact;
  /** Enqueues and fetches jobs, in the caller's transaction. */
  readonly queue: Queue;
}
