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

const input = {
  brief: sources.brief,
  variant: previews.variant,
  palette: productImages.palette,
};

const forText = prepareOnce((orm) =>
  orm
    .select(input)
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .where(eq(previews.id, sql.placeholder('previewId')))
    .prepare('load_text_input'),
);

const forImage = prepareOnce((orm) =>
  orm
    .select({ ...input, bytes: assets.bytes, contentType: assets.contentType })
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .innerJoin(assets, eq(assets.id, productImages.assetId))
    .where(eq(previews.id, sql.placeholder('previewId')))
    .prepare('load_image_input'),
);

/** Reads what a call needs; undefined if the preview is gone. The picture's bytes are read only for an image call. */
export async function loadCallInput(
  deps: { orm: Orm },
  call: { previewId: string; kind: 'text' | 'image' },
): Promise<CallInput | undefined> {
  const { previewId } = call;
  if (call.kind === 'text') {
    const [row] = await forText(deps.orm).execute({ previewId });
    return row && { brief: toBrief(row), picture: { bytes: Buffer.alloc(0), contentType: '' } };
  }
  const [row] = await forImage(deps.orm).execute({ previewId });
  return row && { brief: toBrief(row), picture: { bytes: row.bytes, contentType: row.contentType } };
}

function toBrief(row: { brief: unknown; palette: string[]; variant: number }): CallInput['brief'] {
  return { ...briefSchema.parse(row.brief), palette: row.palette, variant: row.variant };
}
