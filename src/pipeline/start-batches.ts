import { and, eq, isNull, sql } from 'drizzle-orm';
import { prepareOnce, type Transact, type Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { Queue } from '../queue/queue.ts';
import { lockBatches } from './lock-batches.ts';

const start = prepareOnce((orm) =>
  orm
    .update(batches)
    .set({ startedAt: sql`clock_timestamp()` })
    .where(and(eq(batches.id, sql`any(${sql.placeholder('batchIds')})`), isNull(batches.startedAt)))
    .prepare('start_batches'),
);

/** Notes that batches are under way, if it was not noted yet. The caller holds their locks. */
export async function markStarted(tx: Tx, batchIds: readonly string[]): Promise<void> {
  await start(tx).execute({ batchIds });
}

/** Takes `batch.start` jobs and marks their batches as started, in one transaction. Answers how many there were. */
export async function startBatches(
  deps: { transact: Transact; queue: Queue },
  limit: number,
): Promise<number> {
  return deps.transact(async (tx) => {
    const { jobs, settle } = await deps.queue.take(tx, 'batch.start', limit);
    if (jobs.length === 0) return 0;
    const batchIds = jobs.map((job) => job.payload.batchId);
    await pipelined(
      settle,
      () => lockBatches(tx, batchIds),
      () => markStarted(tx, batchIds),
    );
    return jobs.length;
  });
}
