import { and, eq, sql } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { NEW_EMBED_SECRET } from './embed-key.ts';
import { getPreview } from './get-preview.ts';
import type { Preview } from './preview.ts';

/**
 * Gives a preview's page a new address. From then on the previous one, revoked or not, returns 404.
 * Throws `not_found`, also for an id of another workspace.
 */
export async function renewEmbed(
  deps: { orm: Orm },
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { workspaceId } = options;
  const { id } = await getPreview(deps, options);
  await deps.orm
    .update(previews)
    .set({
      embedSecret: NEW_EMBED_SECRET,
      embedRevokedAt: null,
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
    })
    .where(and(eq(previews.id, id), eq(previews.workspaceId, workspaceId)));
  return getPreview(deps, options);
}
