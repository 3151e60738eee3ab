import type { Tx } from '../db/client.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Enqueues the jobs that start previews, in their order: each start tag is one more than the one
 * before.
 */
export async function enqueueStarts(
  deps: Pick<FeatureDeps, 'queue'>,
  tx: Tx,
  starts: { batchId: string; previewIds: readonly string[]; firstTag: number },
): Promise<void> {
  const { batchId, previewIds, firstTag } = starts;
  const jobs = previewIds.map((previewId, i) => ({
    payload: { batchId, previewId },
    priority: -(firstTag + i),
  }));
  await deps.queue.enqueue(tx, 'preview.generate', jobs);
}
