import { and, inArray, isNull, sql } from 'drizzle-orm';
import type { Transact } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import type { Queue } from '../queue/queue.ts';

/** Takes `batch.start` jobs and marks their batches as started, in one transaction. Answers how many there were. */
export async function startBatches(
  deps: { transact: Transact; queue: Queue },
  limit: number,
): Promise<number> {
  return deps.transact(async (tx) => {
    const jobs = await deps.queue.take(tx, 'batch.start', limit);
    if (jobs.length === 0) return 0;
    await tx
      .update(batches)
      .set({ startedAt: sql`clock_timestamp()` })
      .where(
        and(
          inArray(
            batches.id,
            jobs.map((job) => job.payload.batchId),
          ),
          isNull(batches.startedAt),
        ),
      );
    return jobs.length;
  });
}
