import { eq, sql } from 'drizzle-orm';
import { type Orm, prepareOnce, type Tx } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
import { sources } from '../db/schema/batches.ts';
import { previews } from '../db/schema/previews.ts';
import { productImages } from '../db/schema/products.ts';
import { type Brief, briefSchema } from '../products/product.ts';

/** What both calls of a preview tell the provider, as it is stored: the same for every try. See `readInput`. */
export interface CallInput {
  readonly brief: unknown;
  readonly palette: readonly string[];
  readonly variant: number;
}

const ofPreviews = prepareOnce((orm) =>
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

/** By preview. Those that are gone, or whose image is, are left out. */
export async function loadInputs(tx: Tx, previewIds: readonly string[]): Promise<Map<string, CallInput>> {
  const rows = await ofPreviews(tx).execute({ previewIds });
  return new Map(rows.map(({ previewId, ...input }) => [previewId, input]));
}

/** Throws for a brief that is not one. */
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

/** The product's image that a preview was given; undefined if either is gone. */
export async function loadImage(
  deps: { orm: Orm },
  previewId: string,
): Promise<{ bytes: Buffer; contentType: string } | undefined> {
  const [row] = await image(deps.orm).execute({ previewId });
  return row;
}
