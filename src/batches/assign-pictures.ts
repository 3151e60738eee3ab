import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Transact } from '../db/client.ts';
import { sources } from '../db/schema/batches.ts';
import { AppError } from '../lib/app-error.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';
import { nextFairTag } from '../previews/fair-tag.ts';
import { loadPictureTakers, queuePreviews } from '../previews/queue-previews.ts';
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
    const [, isMine, takers] = await pipelined(
      () => lockBatches(tx, [batchId]),
      () => isHeld(tx, source),
      () => loadPictureTakers(tx, sourceId),
    );
    if (!isMine) return false;
    const [{ productId, imageIds }, firstTag] = await pipelined(
      () => recordProduct(tx, workspaceId, { ...page, pictures }),
      () => nextFairTag(tx, workspaceId),
    );
    const choice = chooseImages(pictures.length, source.batchSize);
    const chosen = takers.map((taker) => {
      const rank = choice[taker.position] ?? 0;
      const ranking = { ...page.ranking, score: pictures[rank]?.score ?? 0 };
      return { ...taker, imageId: requireValue(imageIds[rank], 'the image of a preview'), ranking };
    });
    await pipelined(
      () => markRead(tx).execute({ sourceId, productId, brief: makeBrief(page.product, source) }),
      () => queuePreviews(deps, tx, { batchId, productId, firstTag }, chosen),
    );
    // While some wait now there is nothing to finish.
    if (!takers.some((taker) => taker.status === 'pending')) await finishBatch(deps, tx, batchId);
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
