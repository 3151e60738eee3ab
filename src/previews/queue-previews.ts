import { and, asc, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import type { Queue } from '../queue/queue.ts';
import { enqueueStarts } from './enqueue-starts.ts';
import { nextFairTag } from './fair-tag.ts';
import type { Ranking } from './preview.ts';

/** A preview and the picture it was given. */
export interface QueuedPreview {
  readonly previewId: string;
  readonly imageId: string;
  readonly variant: number;
  readonly ranking: Ranking;
}

/**
 * `pending` -> `queued`: writes the pictures to the previews and enqueues their starts. The caller holds the
 * batch's lock. A preview that is final without ever having had a picture (cancelled, say) is given its own too, in case
 * someone wants it after all; any other is left alone. Answers how many are queued now.
 */
export async function queuePreviews(
  deps: { queue: Queue },
  tx: Tx,
  source: { workspaceId: string; batchId: string; productId: string },
  chosen: readonly QueuedPreview[],
): Promise<number> {
  const { workspaceId, batchId, productId } = source;
  const ids = chosen.map((preview) => preview.previewId);
  const rows = await tx
    .select({ id: previews.id, status: previews.status })
    .from(previews)
    .where(
      and(inArray(previews.id, ids), sql`(${previews.status} = 'pending' or ${previews.imageId} is null)`),
    )
    .orderBy(asc(previews.position));
  if (rows.length === 0) return 0;
  const waiting = rows.filter((row) => row.status === 'pending').map((row) => row.id);
  const firstTag = waiting.length > 0 ? await nextFairTag(tx, workspaceId) : 0;
  const byId = new Map(chosen.map((preview) => [preview.previewId, preview]));
  const values = rows.flatMap(({ id }) => {
    const preview = byId.get(id);
    if (!preview) return [];
    const { imageId, variant, ranking } = preview;
    const place = waiting.indexOf(id);
    const tag = place < 0 ? null : firstTag + place;
    return [
      sql`(${id}::uuid, ${imageId}::uuid, ${variant}::int, ${tag}::int, ${JSON.stringify(ranking)}::jsonb)`,
    ];
  });
  await tx.execute(sql`
    update cta.previews p set
      product_id = ${productId}::uuid, image_id = v.image_id, variant = v.variant, ranking = v.ranking,
      status = case when p.status = 'pending' then 'queued' else p.status end,
      fair_tag = v.fair_tag, next_step = null, retry_at = null, queued_at = clock_timestamp(), updated_at = clock_timestamp()
    from (values ${sql.join(values, sql`, `)}) as v (id, image_id, variant, fair_tag, ranking)
    where p.id = v.id`);
  await enqueueStarts(deps, tx, { batchId, previewIds: waiting, firstTag });
  return waiting.length;
}
