import { and, eq, sql } from 'drizzle-orm';
import { type Executor, prepareOnce } from '../db/client.ts';
import { batches, sources } from '../db/schema/batches.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { Batch } from './batch.ts';
import { previewCounts } from './count-previews.ts';
import { batchColumns, showBatches, sourceColumns } from './show-batches.ts';

const byId = prepareOnce((orm) =>
  orm
    .select({ batch: batchColumns, source: sourceColumns, counts: previewCounts })
    .from(batches)
    .innerJoin(sources, eq(sources.batchId, batches.id))
    .where(
      and(eq(batches.id, sql.placeholder('id')), eq(batches.workspaceId, sql.placeholder('workspaceId'))),
    )
    .orderBy(sources.position)
    .prepare('get_batch'),
);

/**
 * Returns one batch of a workspace, with progress. Throws `not_found`, also for an id of another
 * workspace.
 */
export async function getBatch(
  deps: { orm: Executor },
  options: { workspaceId: string; id: string },
): Promise<Batch> {
  const { workspaceId, id } = options;
  const [batch] = isId(id) ? showBatches(await byId(deps.orm).execute({ id, workspaceId })) : [];
  if (!batch) throw new AppError('not_found', { detail: 'There is no batch with this id.' });
  return batch;
}
