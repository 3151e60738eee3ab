import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import type { AppError } from '../lib/app-error.ts';
import type { Queue } from '../queue/queue.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';

/** A source -> `failed`, and all its previews with it. The caller holds the batch's lock. */
export async function failSource(
  deps: { queue: Queue },
  tx: Tx,
  source: { batchId: string; sourceId: string },
  error: AppError,
): Promise<void> {
  const { batchId, sourceId } = source;
  await tx
    .update(sources)
    .set({
      status: 'failed',
      workerId: null,
      errorCode: error.code,
      errorMessage: error.message,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(eq(sources.id, sourceId));
  const rows = await tx.select({ id: previews.id }).from(previews).where(eq(previews.sourceId, sourceId));
  await failPreviews(
    tx,
    rows.map((row) => row.id),
    error,
  );
  await finishBatch(deps, tx, batchId);
}
