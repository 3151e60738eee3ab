import { and, eq, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { untilNextTryMs } from './webhook.ts';

/** More than the rounding of clocks: a job that comes too early is dropped. */
const MARGIN_MS = 5000;

/**
 * Enqueues the job of a pending delivery for the time of its next try. Does nothing if the delivery
 * is not pending. Idempotent in effect: of several jobs, only one that is due sends.
 */
export async function requeueDelivery(deps: Pick<FeatureDeps, 'queue'>, tx: Tx, id: string): Promise<void> {
  const [row] = await tx
    .select({
      owner: webhookDeliveries.workspaceId,
      attempts: webhookDeliveries.attempts,
      lastError: webhookDeliveries.lastError,
      sinceTryMs: sql<
        number | null
      >`extract(epoch from clock_timestamp() - ${webhookDeliveries.attemptedAt})::float8 * 1000`,
      dueInMs: sql<
        number | null
      >`extract(epoch from ${webhookDeliveries.dueAt} - clock_timestamp())::float8 * 1000`,
    })
    .from(webhookDeliveries)
    .where(and(eq(webhookDeliveries.id, id), eq(webhookDeliveries.status, 'pending')))
    .for('no key update');
  if (!row) return;
  const leftMs = untilNextTryMs(row);
  const delayMs = leftMs > 0 && Number.isFinite(leftMs) ? Math.ceil(leftMs) + MARGIN_MS : 0;
  await deps.queue.enqueue(tx, 'webhook.deliver', [
    { payload: { deliveryId: id }, owner: row.owner, delayMs },
  ]);
}
