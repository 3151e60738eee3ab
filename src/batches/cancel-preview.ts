import { eq } from 'drizzle-orm';
import type { Orm, Transact } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { cancelPreviews } from '../previews/cancel-previews.ts';
import { getPreview, getPreviewRow } from '../previews/get-preview.ts';
import type { Preview } from '../previews/preview.ts';
import type { Queue } from '../queue/queue.ts';
import { announceCancel } from './announce-cancel.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';
import { stopSources } from './stop-sources.ts';

/**
 * Cancels one preview. May run again. Throws `not_found`, or `already_final` when it is done or failed. If it was the
 * last one its page was read for, that ends too.
 */
export async function cancelPreview(
  deps: { orm: Orm; transact: Transact; queue: Queue },
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { id } = options;
  const { batchId } = await getPreviewRow(deps, options);
  await deps.transact(async (tx) => {
    await lockBatches(tx, [batchId]);
    const cancelled = await cancelPreviews(tx, eq(previews.id, id));
    if (cancelled > 0) {
      for (const sourceId of await stopSources(tx, batchId)) await announceCancel(tx, sourceId);
      await finishBatch(deps, tx, batchId);
      await announceCancel(tx, id);
      return;
    }
    const [row] = await tx.select({ status: previews.status }).from(previews).where(eq(previews.id, id));
    if (row && row.status !== 'cancelled') throw new AppError('already_final');
  });
  return getPreview(deps, options);
}
