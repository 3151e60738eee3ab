import { retryThroughOutages, type Step } from '../queue/run-job.ts';
import type { ClaimedDelivery } from '../webhooks/claim-deliveries.ts';
import { recordResponse } from '../webhooks/record-response.ts';
import type { WebhookResponse } from '../webhooks/webhook.ts';

/** Sends messages; an adapter implements it. */
export interface WebhookSender {
  send(
    message: { id: string; url: string; secret: string; body: string },
    requester: { owner: string; signal: AbortSignal },
  ): Promise<WebhookResponse>;
}

/** The dependencies of the features, and a sender. */
export type DeliverWebhookDeps = Parameters<typeof recordResponse>[0] & { readonly webhooks: WebhookSender };

/** `webhook.deliver`: makes one claimed try of a delivery, and records its result. */
export function deliverWebhook(deps: DeliverWebhookDeps): Step<ClaimedDelivery> {
  return {
    jobOf: () => 'webhook.deliver',
    describe: ({ deliveryId, webhookId, attempt }) => ({ deliveryId, webhookId, attempt }),
    async run(delivery, signal) {
      const { deliveryId: id, workspaceId: owner, url, secret, payload } = delivery;
      const message = { id, url, secret, body: JSON.stringify(payload) };
      const response = await deps.webhooks.send(message, { owner, signal });
      return retryThroughOutages(() => recordResponse(deps, delivery, response), { signal });
    },
    settleFailure: (delivery, error) =>
      recordResponse(deps, delivery, { status: null, error: error.message }),
  };
}
