import { and, eq } from 'drizzle-orm';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Sends a delivery again, whatever its status: it becomes `pending`, with all its tries, and is due
 * now. The message and its id stay the same. Throws `not_found`, also for an id of another
 * workspace.
 */
export async function resendDelivery(
  deps: FeatureDeps,
  options: { workspaceId: string; id: string },
): Promise<void> {
  const { workspaceId, id } = options;
  const exists =
    isId(id) &&
    (await deps.transact(async (tx) => {
      const rows = await tx
        .update(webhookDeliveries)
        .set({
          status: 'pending',
          attempts: 0,
          lastStatus: null,
          lastError: null,
          attemptedAt: null,
          dueAt: null,
          deliveredAt: null,
        })
        .where(and(eq(webhookDeliveries.id, id), eq(webhookDeliveries.workspaceId, workspaceId)))
        .returning({ id: webhookDeliveries.id });
      if (rows.length === 0) return false;
      await deps.queue.enqueue(tx, 'webhook.deliver', [{ payload: { deliveryId: id }, owner: workspaceId }]);
      return true;
    }));
  if (!exists) throw new AppError('not_found', { detail: 'The workspace has no delivery with this id.' });
}
