import { and, eq, inArray } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { restartPreviews } from '../pipeline/restart-previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Batch } from './batch.ts';
import { getBatch } from './get-batch.ts';

/**
 * Retries the failed and canceled previews of a batch. Keeps the previews that are done and every
 * stored answer. Throws `not_found`, or `nothing_to_retry`.
 */
export async function retryBatch(
  deps: FeatureDeps,
  options: { workspaceId: string; id: string },
): Promise<Batch> {
  const { id: batchId, workspaceId } = options;
  // Checks the workspace before the batch is locked.
  await getBatch(deps, options);
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    const rows = await tx
      .select({ id: previews.id })
      .from(previews)
      .where(and(eq(previews.batchId, batchId), inArray(previews.status, ['failed', 'cancelled'])));
    if (rows.length === 0) throw new AppError('nothing_to_retry');
    await restartPreviews(deps, lock, { batchId, workspaceId, previewIds: rows.map((row) => row.id) });
  });
  return getBatch(deps, options);
}
