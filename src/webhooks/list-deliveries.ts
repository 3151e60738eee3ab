import { desc, eq } from 'drizzle-orm';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Delivery, DeliveryStatus } from './webhook.ts';

/** Returns the newest deliveries of a workspace, newest first, without their messages. */
export async function listDeliveries(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; limit: number },
): Promise<Delivery[]> {
  const rows = await deps.orm
    .select({
      id: webhookDeliveries.id,
      webhookId: webhookDeliveries.webhookId,
      event: webhookDeliveries.event,
      subjectId: webhookDeliveries.subjectId,
      status: webhookDeliveries.status,
      attempts: webhookDeliveries.attempts,
      lastStatus: webhookDeliveries.lastStatus,
      lastError: webhookDeliveries.lastError,
      createdAt: webhookDeliveries.createdAt,
      attemptedAt: webhookDeliveries.attemptedAt,
    })
    .from(webhookDeliveries)
    .where(eq(webhookDeliveries.workspaceId, options.workspaceId))
    .orderBy(desc(webhookDeliveries.createdAt), desc(webhookDeliveries.id))
    .limit(options.limit);
  return rows.map((row) => ({ ...row, status: row.status as DeliveryStatus }));
}
