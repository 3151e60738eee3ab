import { and, asc, eq, sql } from 'drizzle-orm';
import { z } from 'zod';
import { assetPath } from '../assets/asset.ts';
import { prepareOnce } from '../db/client.ts';
import { assets } from '../db/schema/assets.ts';
import { productImages, products } from '../db/schema/products.ts';
import { AVAILABILITIES, RANKING_METHODS } from '../db/schema/values.ts';
import { AppError } from '../lib/app-error.ts';
import { isId } from '../lib/ids.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';

/** A product's image as both APIs return it. */
const imageSchema = z.object({
  id: z.string(),
  /** The address of our copy. */
  url: z.string(),
  /** The address of the original in the shop. */
  sourceUrl: z.string(),
  alt: z.string().nullable(),
  width: z.number(),
  height: z.number(),
  /** 0 for the best one. */
  rank: z.number(),
  /** 0 to 1, comparable only within one method and model. */
  score: z.number(),
  method: z.enum(RANKING_METHODS),
  model: z.string().nullable(),
});

/**
 * A product as both APIs return it: the facts from the last reading of its page, and its images,
 * best first.
 */
export const productSchema = z.object({
  id: z.string(),
  url: z.string(),
  title: z.string(),
  description: z.string().nullable(),
  brand: z.string().nullable(),
  sku: z.string().nullable(),
  gtin: z.string().nullable(),
  mpn: z.string().nullable(),
  /** A decimal number, such as `1299.00`. */
  priceAmount: z.string().nullable(),
  /** ISO 4217. */
  priceCurrency: z.string().nullable(),
  priceText: z.string().nullable(),
  availability: z.enum(AVAILABILITIES).nullable(),
  /** BCP 47. */
  language: z.string().nullable(),
  /** Maps a field to the part of the page that it comes from. */
  provenance: z.record(z.string(), z.string()),
  images: z.array(imageSchema),
  readAt: z.date(),
  createdAt: z.date(),
});
export type Product = z.infer<typeof productSchema>;

const byId = prepareOnce((orm) =>
  orm
    .select()
    .from(products)
    .where(
      and(eq(products.id, sql.placeholder('id')), eq(products.workspaceId, sql.placeholder('workspaceId'))),
    )
    .prepare('get_product'),
);

const imagesOf = prepareOnce((orm) =>
  orm
    .select({
      id: productImages.id,
      key: assets.key,
      sourceUrl: productImages.url,
      alt: productImages.alt,
      width: assets.width,
      height: assets.height,
      rank: productImages.rank,
      score: productImages.score,
      method: productImages.method,
      model: productImages.model,
    })
    .from(productImages)
    .innerJoin(assets, eq(assets.id, productImages.assetId))
    .where(eq(productImages.productId, sql.placeholder('productId')))
    .orderBy(asc(productImages.rank), asc(productImages.id))
    .prepare('list_product_images'),
);

/**
 * Returns one product of a workspace, with its images. Throws `not_found`, also for an id of
 * another workspace.
 */
export async function getProduct(
  deps: Pick<FeatureDeps, 'orm'>,
  options: { workspaceId: string; id: string; baseUrl: string },
): Promise<Product> {
  const { workspaceId, id, baseUrl } = options;
  const [row] = isId(id) ? await byId(deps.orm).execute({ id, workspaceId }) : [];
  if (!row) throw new AppError('not_found', { detail: 'There is no product with this id.' });
  const { workspaceId: _, address, availability, ...facts } = row;
  const images = await imagesOf(deps.orm).execute({ productId: id });
  return {
    ...facts,
    url: address,
    availability: availability as Product['availability'],
    images: images.map(({ key, method, ...image }) => ({
      ...image,
      url: baseUrl + assetPath(key),
      method: method as 'clip' | 'heuristic',
    })),
  };
}
