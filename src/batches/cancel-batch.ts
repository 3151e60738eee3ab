import { and, eq, sql } from 'drizzle-orm';
import { batches } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { cancelPreviews } from '../pipeline/cancel-previews.ts';
import { finishBatch } from '../pipeline/finish-batch.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { notifyCancel } from '../pipeline/notify-cancel.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { stopSources } from '../sources/stop-sources.ts';
import type { Batch } from './batch.ts';
import { getBatch } from './get-batch.ts';

/**
 * Cancels a batch: waiting previews never start, running ones are stopped, and finished ones stay.
 * Idempotent. Throws `not_found`, or `already_final` if there is nothing to cancel.
 */
export async function cancelBatch(
  deps: FeatureDeps,
  options: { workspaceId: string; id: string },
): Promise<Batch> {
  const { id, workspaceId } = options;
  // Checks the workspace before the batch is locked.
  await getBatch(deps, options);
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [id]);
    const cancelled = await cancelPreviews(lock, eq(previews.batchId, id));
    const [batch] = await tx
      .select({ cancelRequestedAt: batches.cancelRequestedAt })
      .from(batches)
      .where(and(eq(batches.id, id), eq(batches.workspaceId, workspaceId)));
    // Deleted meanwhile: `getBatch` below throws `not_found`.
    if (!batch) return;
    if (cancelled === 0 && !batch.cancelRequestedAt) throw new AppError('already_final');
    await tx
      .update(batches)
      .set({ cancelRequestedAt: sql`coalesce(${batches.cancelRequestedAt}, clock_timestamp())` })
      .where(eq(batches.id, id));
    await stopSources(lock, id);
    await finishBatch(deps, lock, id);
    await notifyCancel(tx, id);
  });
  return getBatch(deps, options);
}
