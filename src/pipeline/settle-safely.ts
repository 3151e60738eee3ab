import type { CallKind } from '../ai-calls/ai-call.ts';
import { withSavepoint } from '../db/client.ts';
import { toAppError } from '../lib/app-error.ts';
import { isRetryableConflict, isUnavailable } from '../lib/database-error.ts';
import type { Queue } from '../queue/queue.ts';
import { failPreviews } from './fail-previews.ts';
import { finishBatch } from './finish-batch.ts';
import type { BatchLock } from './lock-batches.ts';
import { settlePreview } from './settle-preview.ts';

/**
 * `settlePreview` for work that is settled in numbers: one preview that cannot be settled becomes `failed` (`internal`)
 * instead of keeping all the others, and with them a dead worker's whole work, from going on.
 */
export async function settleSafely(
  deps: { queue: Queue },
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
