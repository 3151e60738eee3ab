import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { webhookDeliveries, webhooks } from '../db/schema/webhooks.ts';
import { createId } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { WebhookEvent } from './webhook.ts';

/** An event, with the data of its message. */
export interface DomainEvent {
  readonly workspaceId: string;
  readonly type: WebhookEvent;
  /** The id of the object that the event is about. */
  readonly subjectId: string;
  readonly at: Date;
  /** With snake_case keys. */
  readonly data: unknown;
}

/**
 * Writes a delivery, with its message and its job, for each webhook of the workspace. The caller
 * must pass the transaction in which the event happens. The message follows the Standard Webhooks
 * specification (https://www.standardwebhooks.com).
 */
export async function recordDeliveries(
  deps: Pick<FeatureDeps, 'queue'>,
  tx: Tx,
  event: DomainEvent,
): Promise<void> {
  const { workspaceId, type, subjectId, at, data } = event;
  const rows = await tx
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(eq(webhooks.workspaceId, workspaceId))
    // Waits for the removal of a webhook and skips it: its delivery would violate the foreign key.
    .for('key share');
  if (rows.length === 0) return;
  const payload = { type, timestamp: at.toISOString(), data };
  const deliveries = rows.map((webhook) => ({ id: createId(), webhookId: webhook.id }));
  await pipelined(
    () =>
      tx
        .insert(webhookDeliveries)
        .values(
          deliveries.map((delivery) => ({ ...delivery, workspaceId, event: type, subjectId, payload })),
        ),
    () =>
      deps.queue.enqueue(
        tx,
        'webhook.deliver',
        deliveries.map(({ id }) => ({ payload: { deliveryId: id }, owner: workspaceId })),
      ),
  );
}
