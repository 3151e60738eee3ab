import { and, eq } from 'drizzle-orm';
import { webhooks } from '../db/schema/webhooks.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** Removes a webhook and its deliveries; unsent messages are never sent. Throws `not_found`. */
export async function removeWebhook(
  deps: Pick<FeatureDeps, 'transact'>,
  options: { workspaceId: string; id: string },
): Promise<void> {
  const { workspaceId, id } = options;
  const isOwn = and(eq(webhooks.id, id), eq(webhooks.workspaceId, workspaceId));
  // In a transaction, because it may deadlock with a delivery and is then retried.
  const isRemoved =
    isId(id) && (await deps.transact(async (tx) => (await tx.delete(webhooks).where(isOwn)).rowCount));
  if (!isRemoved) throw new AppError('not_found', { detail: 'The workspace has no webhook with this id.' });
}
