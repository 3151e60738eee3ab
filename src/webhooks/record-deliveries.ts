import { eq } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { webhookDeliveries, webhooks } from '../db/schema/webhooks.ts';
import { createId } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { Queue } from '../queue/queue.ts';
import type { WebhookEvent } from './webhook.ts';

/** Something that has happened, and what is to be told of it. */
export interface HappenedEvent {
  readonly workspaceId: string;
  readonly type: WebhookEvent;
  /** What it is about. */
  readonly subjectId: string;
  readonly at: Date;
  /** With snake_case keys. */
  readonly data: unknown;
}

/**
 * Writes a delivery, with its message and its job, for each webhook of the workspace, in the caller's transaction: the one in
 * which it happens. The message is that of the Standard Webhooks specification (https://www.standardwebhooks.com).
 */
export async function recordDeliveries(deps: { queue: Queue }, tx: Tx, event: HappenedEvent): Promise<void> {
  const { workspaceId, type, subjectId, at, data } = event;
  const rows = await tx
    .select({ id: webhooks.id })
    .from(webhooks)
    .where(eq(webhooks.workspaceId, workspaceId))
    // One that is being removed is waited for, and left out: its delivery could not be written.
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
