import { and, eq, inArray, isNull, notExists, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';

const finish = prepareOnce((orm) => {
  const id = sql.placeholder('batchId');
  const unfinished = orm
    .select({ one: sql`1` })
    .from(previews)
    .where(and(eq(previews.batchId, id), inArray(previews.status, UNFINISHED_STATUSES)));
  return orm
    .update(batches)
    .set({ finishedAt: sql`clock_timestamp()` })
    .where(and(eq(batches.id, id), isNull(batches.finishedAt), notExists(unfinished)))
    .prepare('finish_batch');
});

/** Sets `finished_at` if all previews of the batch are final. The caller holds its lock. May run again. */
export async function finishBatch(tx: Tx, batchId: string): Promise<void> {
  await finish(tx).execute({ batchId });
}
