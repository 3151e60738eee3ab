import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Orm } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { NEW_EMBED_SECRET } from './embed-key.ts';
import { getPreview } from './get-preview.ts';
import type { Preview } from './preview.ts';

/**
 * Revokes the address of a preview's page: it returns 404 from the next request on. `embedUrl` is
 * null until `renewEmbed` creates another address. Idempotent. Throws `not_found`, also for an id
 * of another workspace.
 */
export async function revokeEmbed(
  deps: { orm: Orm },
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const { workspaceId } = options;
  const { id } = await getPreview(deps, options);
  await deps.orm
    .update(previews)
    .set({
      // The previous version ignores `embedRevokedAt`; the old address must not work there either.
      embedSecret: NEW_EMBED_SECRET,
      embedRevokedAt: sql`clock_timestamp()`,
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
    })
    .where(and(eq(previews.id, id), eq(previews.workspaceId, workspaceId), isNull(previews.embedRevokedAt)));
  return getPreview(deps, options);
}
