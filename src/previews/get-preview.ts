import { and, eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { loadWaiting } from './load-waiting.ts';
import type { Preview } from './preview.ts';
import { type PreviewRow, previewColumns, showPreview } from './show-preview.ts';

const byId = prepareOnce((orm) =>
  orm
    .select(previewColumns)
    .from(previews)
    .where(
      and(eq(previews.id, sql.placeholder('id')), eq(previews.workspaceId, sql.placeholder('workspaceId'))),
    )
    .prepare('get_preview'),
);

/**
 * Returns the row of a preview of a workspace. Throws `not_found`, also for an id of another
 * workspace.
 */
export async function getPreviewRow(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; id: string },
): Promise<PreviewRow> {
  const { workspaceId, id } = options;
  const [row] = isId(id) ? await byId(deps.orm).execute({ id, workspaceId }) : [];
  if (!row) throw new AppError('not_found', { detail: 'There is no preview with this id.' });
  return row;
}

/**
 * Returns one preview of a workspace, as both APIs return it. Throws `not_found`, also for an id of
 * another workspace.
 */
export async function getPreview(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Preview> {
  const row = await getPreviewRow(deps, options);
  const waiting = await loadWaiting(deps, [row]);
  return showPreview(row, options.baseUrl, waiting.get(row.id));
}
