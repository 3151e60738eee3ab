import { and, eq, isNull, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { type BatchLock, pipelinedUnderLock } from './lock-batches.ts';

const start = prepareOnce((orm) =>
  orm
    .update(batches)
    .set({ startedAt: sql`clock_timestamp()` })
    .where(and(eq(batches.id, sql`any(${sql.placeholder('batchIds')})`), isNull(batches.startedAt)))
    .prepare('start_batches'),
);

/** Marks batches as started, if they are not yet. */
export async function markStarted(lock: BatchLock, batchIds: readonly string[]): Promise<void> {
  await start(lock).execute({ batchIds });
}

/**
 * Takes `batch.start` jobs and marks their batches as started, in one transaction. Returns how many
 * jobs it took.
 */
export async function startBatches(deps: FeatureDeps, limit: number): Promise<number> {
  return deps.transact(async (tx) => {
    const { jobs, complete } = await deps.queue.fetch(tx, 'batch.start', limit);
    if (jobs.length === 0) return 0;
    const batchIds = jobs.map((job) => job.payload.batchId);
    await pipelinedUnderLock(tx, batchIds, (lock) => [() => markStarted(lock, batchIds), complete]);
    return jobs.length;
  });
}
