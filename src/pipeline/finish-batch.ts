import { and, eq, inArray, isNull, notExists, sql } from 'drizzle-orm';
import { batchSchema } from '../batches/batch.ts';
import { getBatch } from '../batches/get-batch.ts';
import { prepareOnce } from '../db/client.ts';
import { batches } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { withSnakeKeys } from '../lib/snake-keys.ts';
import { UNFINISHED_STATUSES } from '../previews/preview.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { recordDeliveries } from '../webhooks/record-deliveries.ts';
import type { BatchLock } from './lock-batches.ts';

const finish = prepareOnce((orm) => {
  const id = sql.placeholder('batchId');
  const unfinished = orm
    .select({ one: sql`1` })
    .from(previews)
    .where(and(eq(previews.batchId, id), inArray(previews.status, UNFINISHED_STATUSES)));
  return (
    orm
      .update(batches)
      .set({ finishedAt: sql`clock_timestamp()` })
      .where(and(eq(batches.id, id), isNull(batches.finishedAt), notExists(unfinished)))
      // `batches` is spelled out below: in an update, drizzle writes columns without their table,
      // and inside the subquery `workspace_id` alone would be the column of `w`.
      .returning({
        workspaceId: batches.workspaceId,
        finishedAt: batches.finishedAt,
        isAwaited: sql<boolean>`exists (select 1 from cta.webhooks w where w.workspace_id = "batches"."workspace_id")`,
      })
      .prepare('finish_batch')
  );
});

/**
 * Sets `finished_at` if all previews of the batch are final, and in the same transaction records
 * the webhook deliveries: the batch as it is now, as REST shows it. The caller must have written
 * everything else that a batch shows.
 *
 * Idempotent: only the call that sets `finished_at` records deliveries. Without a webhook it is one
 * statement.
 */
export async function finishBatch(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  batchId: string,
): Promise<void> {
  const [finished] = await finish(lock).execute({ batchId });
  if (!finished?.finishedAt || !finished.isAwaited) return;
  const { workspaceId, finishedAt } = finished;
  const batch = await getBatch({ orm: lock }, { workspaceId, id: batchId });
  await recordDeliveries(deps, lock, {
    workspaceId,
    type: 'batch.finished',
    subjectId: batchId,
    at: finishedAt,
    data: withSnakeKeys(batchSchema.parse(batch)),
  });
}
