import type { CallKind } from '../ai-calls/ai-call.ts';
import { withSavepoint } from '../db/client.ts';
import { toAppError } from '../lib/app-error.ts';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import type { BatchLock } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';

/**
 * `settlePreview` for many previews in one transaction: a preview that cannot be settled becomes
 * `failed` (`internal`), so that it does not hold up the others, such as all work of a dead worker.
 */
export async function settleSafely(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  preview: { batchId: string; previewId: string; closed: readonly CallKind[] },
): Promise<void> {
  try {
    await withSavepoint(lock, () => settlePreview(deps, lock, preview));
  } catch (error) {
    if (isRetryableConflict(error) || isUnavailable(error)) throw error;
    await failPreviews(lock, [preview.previewId], toAppError(error));
    await finishBatch(deps, lock, preview.batchId);
  }
}
