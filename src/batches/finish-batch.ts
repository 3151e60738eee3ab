import { and, eq, inArray, isNull, notExists, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';

/** Sets `finished_at` if all previews of the batch are final. The caller holds its lock. May run again. */
export async function finishBatch(tx: Tx, batchId: string): Promise<void> {
  const unfinished = tx
    .select({ one: sql`1` })
    .from(previews)
    .where(and(eq(previews.batchId, batchId), inArray(previews.status, UNFINISHED_STATUSES)));
  await tx
    .update(batches)
    .set({ finishedAt: sql`clock_timestamp()` })
    .where(and(eq(batches.id, batchId), isNull(batches.finishedAt), notExists(unfinished)));
}
