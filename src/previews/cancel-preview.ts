import { eq } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { cancelPreviews } from '../pipeline/cancel-previews.ts';
import { finishBatch } from '../pipeline/finish-batch.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { notifyCancel } from '../pipeline/notify-cancel.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { stopSources } from '../sources/stop-sources.ts';
import { getPreview, getPreviewRow } from './get-preview.ts';
import type { Preview } from './preview.ts';

/**
 * Cancels one preview. Idempotent. Throws `not_found`, or `already_final` if it is done or failed.
 * If no other unfinished preview needs its page, the reading of the page stops too.
 */
export async function cancelPreview(
  deps: FeatureDeps,
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { id } = options;
  const { batchId } = await getPreviewRow(deps, options);
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    const cancelled = await cancelPreviews(lock, eq(previews.id, id));
    if (cancelled > 0) {
      for (const sourceId of await stopSources(lock, batchId)) await notifyCancel(tx, sourceId);
      await finishBatch(deps, lock, batchId);
      await notifyCancel(tx, id);
      return;
    }
    const [row] = await tx.select({ status: previews.status }).from(previews).where(eq(previews.id, id));
    if (row && row.status !== 'cancelled') throw new AppError('already_final');
  });
  return getPreview(deps, options);
}
