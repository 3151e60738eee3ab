import Table from 'cli-table3';
import { checkWebhookAddress } from '../adapters/webhooks/check-address.ts';
import type { Log } from '../lib/log.ts';
import { addWebhook } from '../webhooks/add-webhook.ts';
import { listDeliveries } from '../webhooks/list-deliveries.ts';
import { listWebhooks } from '../webhooks/list-webhooks.ts';
import { removeWebhook } from '../webhooks/remove-webhook.ts';
import { resendDelivery } from '../webhooks/resend-delivery.ts';
import type { Delivery } from '../webhooks/webhook.ts';
import { getWorkspace } from '../workspaces/get-workspace.ts';
import { closeAll } from './close-all.ts';
import type { Settings } from './config.ts';
import { type Foundation, openFoundation } from './open-foundation.ts';

/** What a command line has, and the workspace it names. */
export interface WebhookCommand {
  readonly settings: Settings;
  readonly log: Log;
  /** Its name; it must be there. */
  readonly workspace: string;
}

/** `webhook add`: prints the id and the secret, which is shown this once. */
export function runWebhookAdd(command: WebhookCommand, address: string): Promise<void> {
  const url = checkWebhookAddress(address, command.settings.FETCH_ALLOW_HOSTS).href;
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const { id, secret } = await addWebhook(database, { workspaceId, url });
    return `id      ${id}\nsecret  ${secret}`;
  });
}

/** `webhook list`: the workspace's webhooks, without their secrets. */
export function runWebhookList(command: WebhookCommand): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    const table = new Table({ head: ['id', 'address', 'since'] });
    for (const { id, url, createdAt } of await listWebhooks(database, { workspaceId }))
      table.push([id, url, createdAt.toISOString()]);
    return table.length === 0 ? 'There are none.' : table.toString();
  });
}

/** `webhook remove`: its deliveries go with it. */
export function runWebhookRemove(command: WebhookCommand, id: string): Promise<void> {
  return inWorkspace(command, async ({ database }, workspaceId) => {
    await removeWebhook(database, { workspaceId, id });
    return 'It is removed.';
  });
}

/** `webhook deliveries`: the newest of the log. */
export function runWebhookDeliveries(command: WebhookCommand, limit: number): Promise<void> {
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

/** `webhook resend`: a worker sends it, with the next it takes. */
export function runWebhookResend(command: WebhookCommand, id: string): Promise<void> {
  return inWorkspace(command, async ({ database, queue }, workspaceId) => {
    await resendDelivery({ transact: database.transact, queue }, { workspaceId, id });
    return 'It is sent again.';
  });
}

function tellAnswer({ status, attempts, lastStatus, lastError }: Delivery): string {
  if (lastError !== null) return lastError;
  if (lastStatus !== null) return `The receiver answered ${lastStatus}.`;
  return status === 'pending' && attempts > 0 ? 'under way' : '';
}

/** Runs `work` for the workspace, and prints what it answers. */
async function inWorkspace(
  { settings, log, workspace }: WebhookCommand,
  work: (foundation: Foundation, workspaceId: string) => Promise<string>,
): Promise<void> {
  const foundation = await openFoundation(settings, log, { supervise: false });
  try {
    const workspaceId = await getWorkspace(foundation.database, workspace.trim());
    process.stdout.write(`${await work(foundation, workspaceId)}\n`);
  } finally {
    await closeAll(foundation.closers, log);
  }
}
