import { and, eq } from 'drizzle-orm';
import type { PrefillPatch } from '../creative/prefill.ts';
import { type Tx, withinTransaction } from '../db/client.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import { lockBatches } from '../pipeline/lock-batches.ts';
import { restartPreviews } from '../pipeline/restart-previews.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import { getPreview, getPreviewRow } from './get-preview.ts';
import { type PatchWarning, patchPreview } from './patch-preview.ts';
import { isFinal, type Preview } from './preview.ts';

/** A change of a preview. */
export interface PreviewChange {
  readonly workspaceId: string;
  readonly id: string;
  readonly baseUrl: string;
  /** A part or all of its prefill; see `patchPreview`. */
  readonly patch?: PrefillPatch | undefined;
  /** Another image of its product: the preview is then generated again. */
  readonly imageId?: string | undefined;
  /** The change is made only if the preview has one of these versions. */
  readonly ifVersions?: readonly number[] | undefined;
}

/**
 * Changes a preview completely or not at all. With another image it is queued again; changes that a
 * person made stay.
 *
 * Throws `not_found`, `precondition_failed`, `not_ready` if it has no prefill yet,
 * `still_under_way` for another image of a preview that is not final, and `validation` for an image
 * of another product.
 */
export async function changePreview(
  deps: FeatureDeps,
  change: PreviewChange,
): Promise<{ preview: Preview; warnings: PatchWarning[] }> {
  const { imageId, patch = {}, ...target } = change;
  if (imageId === undefined) return patchPreview(deps, { ...target, patch });
  const { batchId } = await getPreviewRow(deps, target);
  return deps.transact(async (tx) => {
    const txDeps = withinTransaction(deps, tx);
    const lock = await lockBatches(tx, [batchId]);
    const row = await getPreviewRow(txDeps, target);
    const hasPatch = Object.keys(patch).length > 0;
    if (target.ifVersions && !target.ifVersions.includes(row.version)) {
      throw new AppError('precondition_failed');
    }
    const warnings = hasPatch ? (await patchPreview(txDeps, { ...target, patch })).warnings : [];
    if (!isFinal(row.status)) throw new AppError('still_under_way');
    await replaceImage(tx, row, imageId);
    const { workspaceId, id } = target;
    await restartPreviews(txDeps, lock, { batchId, workspaceId, previewIds: [id], regenerate: true });
    return { preview: await getPreview(txDeps, target), warnings };
  });
}

/** Gives a preview another image of its own product. */
async function replaceImage(
  tx: Tx,
  preview: { id: string; productId: string | null },
  imageId: string,
): Promise<void> {
  const { id, productId } = preview;
  const [image] =
    productId !== null && isId(imageId)
      ? await tx
          .select({ score: productImages.score, method: productImages.method, model: productImages.model })
          .from(productImages)
          .where(and(eq(productImages.id, imageId), eq(productImages.productId, productId)))
          // Keeps the image from being deleted before the preview refers to it.
          .for('key share')
      : [];
  if (!image) {
    const errors = [{ path: ['imageId'], message: "must be an image of the preview's product" }];
    throw new AppError('validation', { errors });
  }
  await tx.update(previews).set({ imageId, ranking: image }).where(eq(previews.id, id));
}
