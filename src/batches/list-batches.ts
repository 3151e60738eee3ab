import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm';
import { type Orm, prepareOnce } from '../db/client.ts';
import { batches, sources } from '../db/schema/batches.ts';
import { type Cursor, decodeCursor, type Page, toPage } from '../lib/cursor.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { Batch } from './batch.ts';
import { previewCounts } from './count-previews.ts';
import { batchColumns, showBatches, sourceColumns } from './show-batches.ts';

/**
 * Returns batches of a workspace, newest first; keyset pagination on (created_at, id). Throws
 * `invalid_cursor`.
 */
export async function listBatches(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; pageSize: number; cursor?: string | undefined },
): Promise<Page<Batch>> {
  const cursor = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
  const rows = await PAGES[cursor?.direction ?? 'first'](deps.orm).execute({
    workspaceId: options.workspaceId,
    createdAt: cursor && new Date(cursor.createdAt).toISOString(),
    id: cursor?.id,
    limit: options.pageSize + 1,
  });
  return toPage(showBatches(rows), options.pageSize, cursor);
}

const PAGES = {
  first: prepareOnce((orm) => buildPage(orm, undefined)),
  next: prepareOnce((orm) => buildPage(orm, 'next')),
  previous: prepareOnce((orm) => buildPage(orm, 'previous')),
};

function buildPage(orm: Orm, direction: Cursor['direction'] | undefined) {
  const back = direction === 'previous';
  const order = back ? asc : desc;
  const conditions: SQL[] = [eq(batches.workspaceId, sql.placeholder('workspaceId'))];
  if (direction) {
    const cursorValues = sql`(${sql.placeholder('createdAt')}::timestamptz, ${sql.placeholder('id')}::uuid)`;
    conditions.push(sql`(${batches.createdAt}, ${batches.id}) ${sql.raw(back ? '>' : '<')} ${cursorValues}`);
  }
  // Selects the page first and joins the sources to it, as the limit counts batches.
  const page = orm
    .select(batchColumns)
    .from(batches)
    .where(and(...conditions))
    .orderBy(order(batches.createdAt), order(batches.id))
    .limit(sql.placeholder('limit'))
    .as('page');
  const { id, taskId, name, cancelRequestedAt, startedAt, finishedAt, createdAt } = page;
  return orm
    .select({
      batch: { id, taskId, name, cancelRequestedAt, startedAt, finishedAt, createdAt },
      source: sourceColumns,
      counts: previewCounts,
    })
    .from(page)
    .innerJoin(sources, eq(sources.batchId, page.id))
    .orderBy(order(page.createdAt), order(page.id), sources.position)
    .prepare(`list_batches_${direction ?? 'first'}`);
}
