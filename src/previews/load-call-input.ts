import { eq, sql } from 'drizzle-orm';
import { type Orm, prepareOnce } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { type Brief, briefSchema } from '../products/product.ts';

/** What a call tells the provider: the same for every try of a step. */
export interface CallInput {
  readonly brief: Brief & { readonly palette: readonly string[]; readonly variant: number };
  readonly picture: { readonly bytes: Buffer; readonly contentType: string };
}

const byPreview = prepareOnce((orm) =>
  orm
    .select({
      brief: sources.brief,
      variant: previews.variant,
      palette: productImages.palette,
      assetId: productImages.assetId,
    })
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .where(eq(previews.id, sql.placeholder('previewId')))
    .prepare('load_call_input'),
);

const bytesById = prepareOnce((orm) =>
  orm
    .select({ bytes: assets.bytes, contentType: assets.contentType })
    .from(assets)
    .where(eq(assets.id, sql.placeholder('assetId')))
    .prepare('load_call_picture'),
);

/** Reads what a call needs; undefined if the preview is gone. The picture's bytes are read only for an image call. */
export async function loadCallInput(
  deps: { orm: Orm },
  call: { previewId: string; kind: 'text' | 'image' },
): Promise<CallInput | undefined> {
  const [row] = await byPreview(deps.orm).execute({ previewId: call.previewId });
  if (!row) return undefined;
  const brief = { ...briefSchema.parse(row.brief), palette: row.palette, variant: row.variant };
  if (call.kind === 'text') return { brief, picture: { bytes: Buffer.alloc(0), contentType: '' } };
  const [picture] = await bytesById(deps.orm).execute({ assetId: row.assetId });
  return picture && { brief, picture };
}
