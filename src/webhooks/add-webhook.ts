import { randomBytes } from 'node:crypto';
import { webhooks } from '../db/schema/webhooks.ts';
import { AppError } from '../lib/app-error.ts';
import { createId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** The Standard Webhooks specification requires 24 to 64. */
const SECRET_BYTES = 32;

/**
 * Adds a webhook to a workspace. Returns its id and the secret that signs its messages. The caller
 * must have checked `url`. Throws `validation` if the workspace already has a webhook with this
 * address.
 */
export async function addWebhook(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; url: string },
): Promise<{ id: string; secret: string }> {
  const made = { id: createId(), secret: `whsec_${randomBytes(SECRET_BYTES).toString('base64')}` };
  const rows = await deps.orm
    .insert(webhooks)
    .values({ ...options, ...made })
    .onConflictDoNothing({ target: [webhooks.workspaceId, webhooks.url] })
    .returning({ id: webhooks.id });
  if (rows.length === 0)
    throw new AppError('validation', { detail: 'The workspace already has a webhook with this address.' });
  return made;
}
