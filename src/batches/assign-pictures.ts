import { eq, sql } from 'drizzle-orm';
import type { Transact } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { AppError } from '../lib/app-error.ts';
import { queuePreviews } from '../previews/queue-previews.ts';
import { chooseImages } from '../products/choose-images.ts';
import { makeBrief, type RankedPicture, type RankingMethod, type ReadProduct } from '../products/product.ts';
import { recordProduct, storePictures } from '../products/record-product.ts';
import type { Queue } from '../queue/queue.ts';
import { type ClaimedSource, isHeld } from './claim-sources.ts';
import { finishBatch } from './finish-batch.ts';
import { lockBatches } from './lock-batches.ts';

/**
 * A page was read: records the product and its pictures, gives the best pictures to the source's previews, and
 * queues them; the source is `done`. After this the AI calls need nothing from the page any more. False, and
 * nothing written, if the source is no longer this worker's (deleted, or handed to another worker).
 */
export async function assignPictures(
  deps: { transact: Transact; queue: Queue },
  source: ClaimedSource,
  page: { product: ReadProduct; pictures: readonly RankedPicture[]; ranking: RankingMethod },
): Promise<boolean> {
  const { batchId, sourceId, workspaceId } = source;
  if (page.pictures.length === 0) throw new AppError('no_usable_picture');
  const pictures = await storePictures(deps, workspaceId, page.pictures);
  return deps.transact(async (tx) => {
    await lockBatches(tx, [batchId]);
    if (!(await isHeld(tx, source))) return false;
    const { productId, imageIds } = await recordProduct(tx, workspaceId, { ...page, pictures });
    await tx
      .update(sources)
      .set({
        status: 'done',
        productId,
        workerId: null,
        brief: makeBrief(page.product),
        finishedAt: sql`clock_timestamp()`,
      })
      .where(eq(sources.id, sourceId));
    const rows = await tx
      .select({ id: previews.id, position: previews.position })
      .from(previews)
      .where(eq(previews.sourceId, sourceId));
    const choice = chooseImages(pictures.length, source.batchSize);
    const queued = await queuePreviews(
      deps,
      tx,
      { workspaceId, batchId, productId },
      rows.map(({ id, position }) => {
        const rank = choice[position] ?? 0;
        const ranking = { ...page.ranking, score: pictures[rank]?.score ?? 0 };
        return { previewId: id, imageId: imageIds[rank] ?? '', variant: position, ranking };
      }),
    );
    // While some wait now there is nothing to finish.
    if (queued === 0) await finishBatch(tx, batchId);
    return true;
  });
}
