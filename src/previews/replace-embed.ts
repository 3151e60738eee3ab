import { and, eq, isNull, sql } from 'drizzle-orm';
import { previews } from '../db/schema/previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { NEW_EMBED_SECRET } from './embed-key.ts';
import { getPreview } from './get-preview.ts';
import type { Preview } from './preview.ts';

/**
 * Replaces the address of a preview's page: the old one returns 404 from the next request on. With
 * `revoke` the new one is not returned, and `embedUrl` is null until a call without `revoke`; a
 * second call with `revoke` changes nothing.
 *
 * @throws AppError `not_found`, also for an id of another workspace.
 */
export async function replaceEmbed(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; id: string; baseUrl: string; revoke: boolean },
): Promise<Preview> {
  const { workspaceId, revoke } = options;
  const { id } = await getPreview(deps, options);
  await deps.orm
    .update(previews)
    .set({
      // Also when revoking: a program of the previous version ignores `embed_revoked_at` and would
      // still show the page at the old address.
      embedSecret: NEW_EMBED_SECRET,
      embedRevokedAt: revoke ? sql`clock_timestamp()` : null,
      version: sql`${previews.version} + 1`,
      updatedAt: sql`clock_timestamp()`,
    })
    .where(
      and(
        eq(previews.id, id),
        eq(previews.workspaceId, workspaceId),
        ...(revoke ? [isNull(previews.embedRevokedAt)] : []),
      ),
    );
  return getPreview(deps, options);
}
