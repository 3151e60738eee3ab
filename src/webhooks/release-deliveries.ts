import { and, eq, isNull, sql } from 'drizzle-orm';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { ClaimedDelivery } from './claim-deliveries.ts';

/**
 * Requeues the deliveries of a worker that stops while it sends: uncounts each try and makes the
 * delivery due at once. The receiver may already have the message; it then comes again with the
 * same id. Skips deliveries that have a response or a later try. Returns how many it requeued.
 * Idempotent.
 */
export async function releaseDeliveries(
  deps: FeatureDeps,
  claimed: readonly ClaimedDelivery[],
): Promise<number> {
  if (claimed.length === 0) return 0;
  // In the order in which claims lock them.
  const inOrder = claimed.toSorted((a, b) => (a.deliveryId < b.deliveryId ? -1 : 1));
  return deps.transact(async (tx) => {
    const jobs: { payload: { deliveryId: string }; owner: string }[] = [];
    for (const { deliveryId, workspaceId: owner, attemptedAt } of inOrder) {
      const { rowCount } = await tx
        .update(webhookDeliveries)
        .set({
          attempts: sql`${webhookDeliveries.attempts} - 1`,
          attemptedAt: null,
          lastError: 'The worker was stopped during an attempt.',
        })
        .where(
          and(
            eq(webhookDeliveries.id, deliveryId),
            eq(webhookDeliveries.status, 'pending'),
            eq(webhookDeliveries.attemptedAt, attemptedAt),
            isNull(webhookDeliveries.lastError),
          ),
        );
      if (rowCount) jobs.push({ payload: { deliveryId }, owner });
    }
    if (jobs.length > 0) await deps.queue.enqueue(tx, 'webhook.deliver', jobs);
    return jobs.length;
  });
}
