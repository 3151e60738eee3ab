import { and, eq, sql } from 'drizzle-orm';
import { webhookDeliveries } from '../db/schema/webhooks.ts';
import { AppError } from '../lib/app-error.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { done, dropped, type Outcome } from '../queue/outcome.ts';
import type { ClaimedDelivery } from './claim-deliveries.ts';
import { classifyResponse, type WebhookResponse, withJitter } from './webhook.ts';

/**
 * Records the result of a try: the delivery is `delivered`, `failed`, or tried again later, in
 * which case the job for that is enqueued here. Writes nothing if a later try exists or the webhook
 * was removed. Idempotent.
 */
export async function recordResponse(
  deps: FeatureDeps,
  delivery: ClaimedDelivery,
  response: WebhookResponse,
): Promise<Outcome> {
  const { deliveryId, workspaceId: owner, attempt, attemptedAt } = delivery;
  const { status, pauseMs } = classifyResponse(response, attempt);
  const sentence =
    status === 'delivered' ? null : (response.error ?? `The receiver returned ${response.status}.`);
  const delayMs = pauseMs === undefined ? undefined : withJitter(pauseMs);
  const isRecorded = await deps.transact(async (tx) => {
    const rows = await tx
      .update(webhookDeliveries)
      .set({
        status,
        lastStatus: response.status,
        lastError: sentence,
        dueAt:
          delayMs === undefined
            ? null
            : // `now()`, because the start time of the job also counts from it.
              sql`now() + make_interval(secs => ${delayMs / 1000}::float8)`,
        deliveredAt: status === 'delivered' ? sql`clock_timestamp()` : null,
      })
      .where(
        and(
          eq(webhookDeliveries.id, deliveryId),
          eq(webhookDeliveries.status, 'pending'),
          eq(webhookDeliveries.attemptedAt, attemptedAt),
        ),
      )
      .returning({ id: webhookDeliveries.id });
    if (rows.length === 0) return false;
    if (delayMs !== undefined)
      await deps.queue.enqueue(tx, 'webhook.deliver', [{ payload: { deliveryId }, owner, delayMs }], {
        quietly: true,
      });
    return true;
  });
  if (!isRecorded) return dropped('the webhook was removed, or a later attempt exists');
  if (sentence === null) return done;
  const error = new AppError('webhook_failed', { detail: sentence });
  return delayMs === undefined ? { kind: 'failed', error } : { kind: 'retry', error, delayMs };
}
