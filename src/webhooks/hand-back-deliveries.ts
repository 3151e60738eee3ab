import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Transact } from '../db/client.ts';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import type { Queue } from '../queue/queue.ts';
import type { ClaimedDelivery } from './claim-deliveries.ts';

/**
 * For a worker that stops while it sends: each try is taken back, and the delivery is due at once for whoever comes next. A receiver may
 * have had the message: it comes again with the same id. Leaves out those that were answered meanwhile, or have a later try. Answers how
 * many. May run again.
 */
export async function handBackDeliveries(
  deps: { transact: Transact; queue: Queue },
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
          lastError: 'The worker was stopped while it sent.',
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
