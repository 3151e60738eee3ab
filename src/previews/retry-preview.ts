import { eq } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { restartPreviews } from '../pipeline/restart-previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { getPreview, getPreviewRow } from './get-preview.ts';
import { isFinal, type Preview } from './preview.ts';

/**
 * Retries one preview. A failed or canceled one keeps its answers. One that is done is generated
 * again, and changes that a person made stay. Throws `not_found`, or `still_under_way`.
 */
export async function retryPreview(
  deps: FeatureDeps,
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { id, workspaceId } = options;
  const { batchId } = await getPreviewRow(deps, options);
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    const [row] = await tx.select({ status: previews.status }).from(previews).where(eq(previews.id, id));
    // Deleted meanwhile: `getPreview` below throws `not_found`.
    if (!row) return;
    if (!isFinal(row.status)) throw new AppError('still_under_way');
    await restartPreviews(deps, lock, { batchId, workspaceId, previewIds: [id] });
  });
  return getPreview(deps, options);
}
