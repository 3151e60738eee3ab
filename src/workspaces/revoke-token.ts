import { and, eq } from 'drizzle-orm';
import { apiTokens } from '../db/schema/workspaces.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/**
 * Revokes a token of a workspace. Within seconds it gives no more access (`http/authenticate`), and
 * soon after, its open streams end (`watch-tokens`). Throws `not_found`, also for an id of another
 * workspace.
 */
export async function revokeToken(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; id: string },
): Promise<void> {
  const { workspaceId, id } = options;
  const { rowCount } = isId(id)
    ? await deps.orm
        .delete(apiTokens)
        .where(and(eq(apiTokens.id, id), eq(apiTokens.workspaceId, workspaceId)))
    : { rowCount: 0 };
  if (!rowCount) throw new AppError('not_found', { detail: 'The workspace has no token with this id.' });
}
