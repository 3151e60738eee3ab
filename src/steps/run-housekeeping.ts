import { deleteOldCalls } from '../ai-calls/delete-old-calls.ts';
import { deleteOrphans } from '../assets/delete-orphans.ts';
import { deleteOldBatches } from '../batches/delete-old-batches.ts';
import { deleteOldKeys } from '../idempotency/delete-old-keys.ts';
import type { Log } from '../lib/log.ts';
import { deleteUnusedProducts } from '../products/delete-unused-products.ts';
import { done } from '../queue/outcome.ts';
import type { Step } from '../queue/run-job.ts';
import { deleteOldDeliveries } from '../webhooks/delete-old-deliveries.ts';
import { deleteDeadWorkers } from '../workers/delete-dead-workers.ts';

/** How long rows are kept, in milliseconds; null means forever. */
export interface Retention {
  readonly batchesMs: number | null;
  readonly callsMs: number | null;
}

/** How long deliveries are kept; they are tried for a day. */
const KEEP_DELIVERIES_MS = 30 * 24 * 60 * 60_000;

/** The dependencies of the features, a log, and the retention. */
export type HousekeepingDeps = Parameters<typeof deleteOldBatches>[0] &
  Parameters<typeof deleteOrphans>[0] & { readonly log: Log; readonly retention: Retention };

/**
 * `housekeeping`: deletes rows that are older than their retention or that nothing refers to. Works
 * in small transactions, so it may be stopped at any point; the next run goes on.
 */
export function runHousekeeping(deps: HousekeepingDeps): Step<object> {
  const { batchesMs, callsMs } = deps.retention;
  return {
    jobOf: () => 'housekeeping',
    describe: () => ({}),
    async run(_, signal) {
      const deletions = {
        batches: () => (batchesMs === null ? 0 : deleteOldBatches(deps, { keepMs: batchesMs })),
        products: () => (batchesMs === null ? 0 : deleteUnusedProducts(deps, { keepMs: batchesMs })),
        images: () => deleteOrphans(deps),
        deliveries: () => deleteOldDeliveries(deps, { keepMs: KEEP_DELIVERIES_MS }),
        workers: () => deleteDeadWorkers(deps),
        keys: () => deleteOldKeys(deps),
        calls: () => (callsMs === null ? 0 : deleteOldCalls(deps, { keepMs: callsMs })),
      };
      const deleted: Record<string, number> = {};
      for (const [name, run] of Object.entries(deletions)) {
        signal.throwIfAborted();
        deleted[name] = await run();
      }
      if (Object.values(deleted).some((count) => count > 0)) deps.log.info(deleted, 'old rows deleted');
      return done;
    },
    // The job for the next hour is already in the queue.
    settleFailure: async (_, error) => ({ kind: 'failed', error }),
  };
}
