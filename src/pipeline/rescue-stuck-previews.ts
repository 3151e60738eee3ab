import { and, eq, inArray, isNull, notExists, sql } from 'drizzle-orm';
import { CALL_KINDS } from '../ai-calls/ai-call.ts';
import { aiCalls } from '../db/schema/ai-calls.ts';
import { batches } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';
import { settleSafely } from './settle-safely.ts';

/**
 * Settles previews that are `running` without a call under way (a worker may end after both answers
 * are stored and before it writes the prefill), and finishes batches that no worker finished (their
 * last previews were deleted). Harmless if a worker is about to do the same. Returns how many
 * previews it settled.
 */
export async function rescueStuckPreviews(deps: FeatureDeps): Promise<number> {
  const openCalls = deps.orm
    .select({ one: sql`1` })
    .from(aiCalls)
    .where(and(eq(aiCalls.previewId, previews.id), eq(aiCalls.status, 'sent')));
  const stuck = await deps.orm
    .select({ previewId: previews.id, batchId: previews.batchId })
    .from(previews)
    .where(and(eq(previews.status, 'running'), notExists(openCalls)));
  for (const preview of stuck) {
    await deps.transact(async (tx) => {
      const lock = await lockBatches(tx, [preview.batchId]);
      // Enqueues their jobs even if they exist: a second job finds nothing to do.
      await settleSafely(deps, lock, { ...preview, closed: CALL_KINDS });
    });
  }
  const unfinished = deps.orm
    .select({ one: sql`1` })
    .from(previews)
    .where(and(eq(previews.batchId, batches.id), inArray(previews.status, UNFINISHED_STATUSES)));
  const finishable = await deps.orm
    .select({ id: batches.id })
    .from(batches)
    .where(and(isNull(batches.finishedAt), notExists(unfinished)));
  for (const { id } of finishable) {
    await deps.transact(async (tx) => {
      const lock = await lockBatches(tx, [id]);
      await finishBatch(deps, lock, id);
    });
  }
  return stuck.length;
}
