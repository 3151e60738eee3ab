import Table from 'cli-table3';
import { checkWebhookAddress } from '../adapters/webhooks/check-address.ts';
import { addWebhook } from '../webhooks/add-webhook.ts';
import { listDeliveries } from '../webhooks/list-deliveries.ts';
import { listWebhooks } from '../webhooks/list-webhooks.ts';
import { removeWebhook } from '../webhooks/remove-webhook.ts';
import { resendDelivery } from '../webhooks/resend-delivery.ts';
import type { Delivery } from '../webhooks/webhook.ts';
import { inWorkspace, type WorkspaceCommand } from './in-workspace.ts';

/** `webhook add`: prints the id and the secret. The secret is not shown again. */
export function runWebhookAdd(command: WorkspaceCommand, address: string): Promise<void> {
  const { FETCH_ALLOW_HOSTS: allowHosts, FETCH_ALLOW_PORTS: allowPorts } = command.settings;
  const url = checkWebhookAddress(address, { allowHosts, allowPorts }).href;
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const { id, secret } = await addWebhook(database, { workspaceId, url });
    return `id      ${id}\nsecret  ${secret}`;
  });
}

/** `webhook list`: prints the workspace's webhooks without their secrets. */
export function runWebhookList(command: WorkspaceCommand): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const table = new Table({ head: ['id', 'address', 'since'] });
    for (const { id, url, createdAt } of await listWebhooks(database, { workspaceId }))
      table.push([id, url, createdAt.toISOString()]);
    return table.length === 0 ? 'There are none.' : table.toString();
  });
}

/** `webhook remove`: also deletes the webhook's deliveries. */
export function runWebhookRemove(command: WorkspaceCommand, id: string): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    await removeWebhook(database, { workspaceId, id });
    return 'It is removed.';
  });
}

/** `webhook deliveries`: prints the newest deliveries. */
export function runWebhookDeliveries(command: WorkspaceCommand, limit: number): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const table = new Table({
      head: ['delivery', 'time', 'event', 'batch', 'status', 'attempts', 'last answer'],
    });
    for (const delivery of await listDeliveries(database, { workspaceId, limit })) {
      const { id, createdAt, event, subjectId, status, attempts } = delivery;
      table.push([id, createdAt.toISOString(), event, subjectId, status, attempts, tellAnswer(delivery)]);
    }
    return table.length === 0 ? 'There are none.' : table.toString();
  });
}

/** `webhook resend`: queues a delivery again; a worker sends it. */
export function runWebhookResend(command: WorkspaceCommand, id: string): Promise<void> {
  return inWorkspace(command, async ({ database, queue }, workspaceId) => {
    await resendDelivery({ orm: database.orm, transact: database.transact, queue }, { workspaceId, id });
    return 'It is sent again.';
  });
}

function tellAnswer({ status, attempts, lastStatus, lastError }: Delivery): string {
  if (lastError !== null) return lastError;
  if (lastStatus !== null) return `The receiver returned ${lastStatus}.`;
  return status === 'pending' && attempts > 0 ? 'under way' : '';
}
