import { and, eq, inArray, sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import type { Queue } from '../queue/queue.ts';
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
 * batch's lock. Previews that are no longer `pending` (cancelled, deleted) are left alone.
 */
export async function queuePreviews(
  deps: { queue: Queue },
  tx: Tx,
  source: { workspaceId: string; batchId: string; productId: string },
  chosen: readonly QueuedPreview[],
): Promise<void> {
  const { workspaceId, batchId, productId } = source;
  const waiting = await tx
    .select({ id: previews.id })
    .from(previews)
    .where(
      and(
        inArray(
          previews.id,
          chosen.map((preview) => preview.previewId),
        ),
        eq(previews.status, 'pending'),
      ),
    )
    .orderBy(previews.position);
  if (waiting.length === 0) return;
  const firstTag = await nextFairTag(tx, workspaceId);
  const byId = new Map(chosen.map((preview) => [preview.previewId, preview]));
  const values = waiting.flatMap(({ id }, i) => {
    const preview = byId.get(id);
    if (!preview) return [];
    const { imageId, variant, ranking } = preview;
    return [
      sql`(${id}::uuid, ${imageId}::uuid, ${variant}::int, ${firstTag + i}::int, ${JSON.stringify(ranking)}::jsonb)`,
    ];
  });
  await tx.execute(sql`
    update cta.previews p set
      status = 'queued', product_id = ${productId}::uuid, image_id = v.image_id, variant = v.variant,
      fair_tag = v.fair_tag, ranking = v.ranking, queued_at = clock_timestamp(), updated_at = clock_timestamp()
    from (values ${sql.join(values, sql`, `)}) as v (id, image_id, variant, fair_tag, ranking)
    where p.id = v.id`);
  await deps.queue.enqueue(
    tx,
    'preview.generate',
    waiting.map(({ id }, i) => ({ payload: { batchId, previewId: id }, priority: -(firstTag + i) })),
  );
}
