import { and, eq } from 'drizzle-orm';
import { decideSteps, loadCalls } from '../ai-calls/decide-steps.ts';
import { previews } from '../db/schema/previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { lockBatches } from './lock-batches.ts';
import { syncStepStatus } from './sync-step-status.ts';

/**
 * Updates `next_step` of a queued preview after a worker that was marked as dead has stored an
 * answer: the preview waits for one step less, which changes the estimate of its `eta`. Its status
 * stays, and the claim itself finds out which calls are still needed. Idempotent.
 */
export async function recordLateAnswer(
  deps: Pick<FeatureDeps, 'transact'>,
  call: { batchId: string; previewId: string },
): Promise<void> {
  const { batchId, previewId } = call;
  await deps.transact(async (tx) => {
    const lock = await lockBatches(tx, [batchId]);
    const queued = await tx
      .select({ previewId: previews.id, generation: previews.generation, round: previews.round })
      .from(previews)
      .where(and(eq(previews.id, previewId), eq(previews.status, 'queued')));
    await syncStepStatus(lock, decideSteps(queued, await loadCalls(tx, [previewId])));
  });
}
