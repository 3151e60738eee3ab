import { and, eq } from 'drizzle-orm';
import { decideSteps, loadCalls } from '../ai-calls/decide-steps.ts';
import type { Transact } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { lockBatches } from './lock-batches.ts';
import { syncStepStatus } from './sync-step-status.ts';

/**
 * A worker that had been taken for dead has stored an answer: a preview that waits for its steps wants one less now, which
 * is noted for the forecast. No status changes; the claim sees for itself what is left to buy. May run again.
 */
export async function recordLateAnswer(
  deps: { transact: Transact },
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
