import { eq, sql } from 'drizzle-orm';
import { prepareOnce } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import { AppError } from '../lib/app-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';
import { chooseImages } from '../products/choose-images.ts';
import { makeBrief, type ProductImage, type RankingMethod, type ReadProduct } from '../products/product.ts';
import { recordProduct, storeImages } from '../products/record-product.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { nextStartTag } from '../workspaces/start-tags.ts';
import { type ClaimedSource, isStillClaimed } from './claim-sources.ts';
import { finishBatch } from './finish-batch.ts';
import { pipelinedUnderLock } from './lock-batches.ts';
import { loadPreviewsNeedingImage, queuePreviews } from './queue-previews.ts';

/**
 * Records the product and its images, gives the best images to the source's previews, and queues
 * the previews. The source becomes `done`; the AI calls need nothing more from the page.
 *
 * Returns false, and writes nothing, if the source no longer belongs to this worker (deleted, or
 * given to another worker).
 */
export async function assignImages(
  deps: FeatureDeps,
  source: ClaimedSource,
  page: { product: ReadProduct; images: readonly ProductImage[]; ranking: RankingMethod },
): Promise<boolean> {
  const { batchId, sourceId, workspaceId } = source;
  if (page.images.length === 0) throw new AppError('no_usable_picture');
  const images = await storeImages(deps, workspaceId, page.images);
  return deps.transact(async (tx) => {
    const [lock, isMine, waitingPreviews] = await pipelinedUnderLock(tx, [batchId], (batchLock) => [
      () => isStillClaimed(batchLock, source),
      () => loadPreviewsNeedingImage(batchLock, sourceId),
    ]);
    if (!isMine) return false;
    const [{ productId, imageIds }, firstTag] = await pipelined(
      () => recordProduct(tx, workspaceId, { ...page, images }),
      () => nextStartTag(tx, workspaceId),
    );
    const choice = chooseImages(images.length, source.batchSize);
    const chosen = waitingPreviews.map((preview) => {
      const rank = choice[preview.position] ?? 0;
      const ranking = { ...page.ranking, score: images[rank]?.score ?? 0 };
      return { ...preview, imageId: requireValue(imageIds[rank], 'the image of a preview'), ranking };
    });
    await pipelined(
      () => markRead(tx).execute({ sourceId, productId, brief: makeBrief(page.product, source) }),
      () => queuePreviews(deps, lock, { batchId, productId, firstTag }, chosen),
    );
    // While a preview waits for its calls, the batch cannot be finished.
    if (!waitingPreviews.some((preview) => preview.status === 'pending'))
      await finishBatch(deps, lock, batchId);
    return true;
  });
}

const markRead = prepareOnce((orm) =>
  orm
    .update(sources)
    .set({
      status: 'done',
      productId: sql`${sql.placeholder('productId')}`,
      workerId: null,
      brief: sql`${sql.placeholder('brief')}`,
      finishedAt: sql`clock_timestamp()`,
    })
    .where(eq(sources.id, sql.placeholder('sourceId')))
    .prepare('mark_source_read'),
);
