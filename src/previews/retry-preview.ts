import { eq } from 'drizzle-orm';
import type { Orm, Transact } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { restartPreviews } from '../pipeline/restart-previews.ts';
import type { Queue } from '../queue/queue.ts';
import { getPreview, getPreviewRow } from './get-preview.ts';
import { isFinal, type Preview, type PreviewStatus } from './preview.ts';

/**
 * Tries one preview again. One that failed or was cancelled keeps what was answered; one that is done is generated anew,
 * and what a person changed stays. Throws `not_found`, or `still_under_way`.
 */
export async function retryPreview(
  deps: { orm: Orm; transact: Transact; queue: Queue },
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { id, workspaceId } = options;
  const { batchId } = await getPreviewRow(deps, options);
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    const [row] = await tx.select({ status: previews.status }).from(previews).where(eq(previews.id, id));
    // Deleted in the meantime: said below.
    if (!row) return;
    if (!isFinal(row.status as PreviewStatus)) throw new AppError('still_under_way');
    await restartPreviews(deps, lock, { batchId, workspaceId, previewIds: [id] });
  });
  return getPreview(deps, options);
}
