import { and, eq } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { webhooks } from '../db/schema/webhooks.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';

/** Removes a webhook and its deliveries; unsent messages are never sent. Throws `not_found`. */
export async function removeWebhook(
  deps: { orm: Orm },
  options: { workspaceId: string; id: string },
): Promise<void> {
  const { workspaceId, id } = options;
  const { rowCount } = isId(id)
    ? await deps.orm.delete(webhooks).where(and(eq(webhooks.id, id), eq(webhooks.workspaceId, workspaceId)))
    : { rowCount: 0 };
  if (!rowCount) throw new AppError('not_found', { detail: 'The workspace has no webhook with this id.' });
}
