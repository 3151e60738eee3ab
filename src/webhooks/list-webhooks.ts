import { asc, eq } from 'drizzle-orm';
import { webhooks } from '../db/schema/webhooks.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Webhook } from './webhook.ts';

/** Returns the webhooks of a workspace, oldest first, without their secrets. */
export function listWebhooks(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string },
): Promise<Webhook[]> {
  return deps.orm
    .select({ id: webhooks.id, url: webhooks.url, createdAt: webhooks.createdAt })
    .from(webhooks)
    .where(eq(webhooks.workspaceId, options.workspaceId))
    .orderBy(asc(webhooks.createdAt), asc(webhooks.id));
}
