import { eq, sql } from 'drizzle-orm';
import { prepareOnce, type Tx } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { type Brief, briefSchema } from '../products/product.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** The stored input of both calls of a preview, the same for every try; `readInput` parses it. */
export interface CallInput {
  readonly brief: unknown;
  readonly palette: readonly string[];
  readonly variant: number;
}

const selectInputs = prepareOnce((orm) =>
  orm
    .select({
      previewId: previews.id,
      brief: sources.brief,
      variant: previews.variant,
      palette: productImages.palette,
    })
    .from(previews)
    .innerJoin(sources, eq(sources.id, previews.sourceId))
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .where(eq(previews.id, sql`any(${sql.placeholder('previewIds')})`))
    .prepare('load_inputs'),
);

/** Returns the inputs by preview. Leaves out previews that are gone or whose image is gone. */
export async function loadInputs(tx: Tx, previewIds: readonly string[]): Promise<Map<string, CallInput>> {
  const rows = await selectInputs(tx).execute({ previewIds });
  return new Map(rows.map(({ previewId, ...input }) => [previewId, input]));
}

/** Throws if the stored brief is not valid. */
export function readInput({ brief, palette, variant }: CallInput): Brief & Omit<CallInput, 'brief'> {
  return { ...briefSchema.parse(brief), palette, variant };
}

const image = prepareOnce((orm) =>
  orm
    .select({ bytes: assets.bytes, contentType: assets.contentType })
    .from(previews)
    .innerJoin(productImages, eq(productImages.id, previews.imageId))
    .innerJoin(assets, eq(assets.id, productImages.assetId))
    .where(eq(previews.id, sql.placeholder('previewId')))
    .prepare('load_image'),
);

/** Loads the product image of a preview; undefined if either is gone. */
export async function loadImage(
  deps: Pick<FeatureDeps, 'orm'>,
  previewId: string,
): Promise<{ bytes: Buffer; contentType: string } | undefined> {
  const [row] = await image(deps.orm).execute({ previewId });
  return row;
}
