import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm';
import { type Orm, prepareOnce } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { type Cursor, decodeCursor, type Page, toPage } from '../lib/cursor.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { loadWaiting } from './load-waiting.ts';
import type { Preview, PreviewStatus } from './preview.ts';
import { previewColumns, showPreview } from './show-preview.ts';

export interface ListPreviewsOptions {
  readonly workspaceId: string;
  readonly baseUrl: string;
  readonly pageSize: number;
  readonly cursor?: string | undefined;
  readonly bulkTaskId?: string | undefined;
  readonly productId?: string | undefined;
  readonly status?: PreviewStatus | undefined;
}

const FILTERS = { bulkTaskId: previews.batchId, productId: previews.productId, status: previews.status };
type Filter = keyof typeof FILTERS;

/**
 * Returns previews of a workspace: the oldest batch first, then by source and position. Ids are
 * made in that order, so (created_at, id) sorts by it. Keyset pagination on both columns, so pages
 * do not shift while rows are added.
 *
 * A filter with an unknown id, or one of another workspace, gives an empty page. Throws
 * `invalid_cursor`.
 */
export async function listPreviews(
  deps: Pick<FeatureDeps, 'orm'>,
  options: ListPreviewsOptions,
): Promise<Page<Preview>> {
  const cursor = options.cursor === undefined ? undefined : decodeCursor(options.cursor);
  const filters = (Object.keys(FILTERS) as Filter[]).filter((name) => options[name] !== undefined);
  const ids = [options.bulkTaskId, options.productId].filter((id) => id !== undefined);
  if (!ids.every(isId)) return { items: [], nextCursor: null, previousCursor: null };
  const rows = await preparedPage(
    filters,
    cursor?.direction,
  )(deps.orm).execute({
    workspaceId: options.workspaceId,
    bulkTaskId: options.bulkTaskId,
    productId: options.productId,
    status: options.status,
    createdAt: cursor && new Date(cursor.createdAt).toISOString(),
    id: cursor?.id,
    limit: options.pageSize + 1,
  });
  const page = toPage(rows, options.pageSize, cursor);
  const waiting = await loadWaiting(deps, page.items);
  return { ...page, items: page.items.map((row) => showPreview(row, options.baseUrl, waiting.get(row.id))) };
}

type PageQuery = ReturnType<typeof buildPage>;
const pages = new Map<string, (orm: Orm) => PageQuery>();

/** Prepares one query for each combination of filters and direction that is used. */
function preparedPage(
  filters: Filter[],
  direction: Cursor['direction'] | undefined,
): (orm: Orm) => PageQuery {
  const name = ['list_previews', ...filters, direction ?? 'first'].join('_');
  let query = pages.get(name);
  if (!query) {
    query = prepareOnce((orm) => buildPage(orm, name, filters, direction));
    pages.set(name, query);
  }
  return query;
}

function buildPage(orm: Orm, name: string, filters: Filter[], direction: Cursor['direction'] | undefined) {
  const back = direction === 'previous';
  const conditions: SQL[] = [eq(previews.workspaceId, sql.placeholder('workspaceId'))];
  for (const filter of filters) conditions.push(eq(FILTERS[filter], sql.placeholder(filter)));
  if (direction) {
    const place = sql`(${sql.placeholder('createdAt')}::timestamptz, ${sql.placeholder('id')}::uuid)`;
    conditions.push(sql`(${previews.createdAt}, ${previews.id}) ${sql.raw(back ? '<' : '>')} ${place}`);
  }
  const order = back ? desc : asc;
  return orm
    .select(previewColumns)
    .from(previews)
    .where(and(...conditions))
    .orderBy(order(previews.createdAt), order(previews.id))
    .limit(sql.placeholder('limit'))
    .prepare(name);
}
