import { and, asc, eq, isNull, or, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { previews } from '../db/schema/previews.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { Ranking } from '../previews/preview.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { enqueueStarts } from './enqueue-starts.ts';
import type { BatchLock } from './lock-batches.ts';

/** A preview to give an image of its page: it is `pending`, or it is final and has no image. */
export interface PreviewNeedingImage {
  readonly id: string;
  /** 0-based within its source. */
  readonly position: number;
  readonly status: string;
}

/** The image that a preview gets. */
export interface AssignedImage {
  readonly imageId: string;
  readonly ranking: Ranking;
}

const selectNeedingImage = prepareOnce((orm) =>
  orm
    .select({ id: previews.id, position: previews.position, status: previews.status })
    .from(previews)
    .where(
      and(
        eq(previews.sourceId, sql.placeholder('sourceId')),
        or(eq(previews.status, 'pending'), isNull(previews.imageId)),
      ),
    )
    .orderBy(asc(previews.position))
    .prepare('load_previews_needing_image'),
);

/** Returns the previews of a source that take an image, by position. */
export function loadPreviewsNeedingImage(tx: Tx, sourceId: string): Promise<PreviewNeedingImage[]> {
  return selectNeedingImage(tx).execute({ sourceId });
}

/**
 * `pending` -> `queued`: writes the images to the previews, in their order, and enqueues their
 * starts. The first has the start tag `firstTag` (`nextStartTag`), and each next tag is one more. A
 * preview that became final without an image (canceled, for example) also gets one, for a later
 * retry.
 */
export async function queuePreviews(
  deps: Pick<FeatureDeps, 'queue'>,
  lock: BatchLock,
  source: { batchId: string; productId: string; firstTag: number },
  chosen: readonly (PreviewNeedingImage & AssignedImage)[],
): Promise<void> {
  const { batchId, productId, firstTag } = source;
  const pendingIds = chosen.filter((preview) => preview.status === 'pending').map((preview) => preview.id);
  const rows = chosen.map(({ id, position, imageId, ranking }) => {
    const index = pendingIds.indexOf(id);
    return { id, position, image_id: imageId, ranking, start_tag: index < 0 ? null : firstTag + index };
  });
  await pipelined(
    () => queueAll(lock, { productId, rows: JSON.stringify(rows) }),
    () => enqueueStarts(deps, lock, { batchId, previewIds: pendingIds, firstTag }),
  );
}

const queueAll = prepareSql(
  'queue_previews',
  sql`
    update cta.previews p set
      product_id = ${sql.placeholder('productId')}::uuid, image_id = v.image_id, ranking = v.ranking,
      -- A preview that was generated before keeps its current variant.
      variant = case when p.generated is null then v.position else p.variant end,
      status = case when p.status = 'pending' then 'queued' else p.status end,
      start_tag = v.start_tag, next_step = null, retry_at = null, queued_at = clock_timestamp(),
      updated_at = clock_timestamp()
    from jsonb_to_recordset(${sql.placeholder('rows')}::jsonb)
      as v (id uuid, position int, image_id uuid, ranking jsonb, start_tag int)
    where p.id = v.id`,
);
