import { sql } from 'drizzle-orm';
import { storeAsset } from '../assets/store-asset.ts';
import type { Transact, Tx } from '../db/client.ts';
import { productImages, products } from '../db/schema/products.ts';
import { createId } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';
import type { RankedPicture, RankingMethod, ReadProduct } from './product.ts';

/** A ranked picture with the asset that holds our copy. */
export interface StoredPicture extends RankedPicture {
  readonly assetId: string;
}

/** Keeps the pictures of a page. Its own transaction, as bytes take long and locks should not wait for them. */
export async function storePictures(
  deps: { transact: Transact },
  workspaceId: string,
  pictures: readonly RankedPicture[],
): Promise<StoredPicture[]> {
  // Locked in the order of their content, so that two pages with the same pictures do not wait for each other crosswise.
  const inOrder = pictures.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  const stored = await deps.transact(async (tx) => {
    const assets = await pipelined(...inOrder.map((picture) => () => storeAsset(tx, workspaceId, picture)));
    return pictures.map((picture) => ({ ...picture, assetId: assets[inOrder.indexOf(picture)]?.id ?? '' }));
  });
  return stored.filter((picture, i) => stored.findIndex((p) => p.assetId === picture.assetId) === i);
}

/**
 * Writes what a page said: one product per workspace and address, so a later reading replaces an earlier one.
 * Answers the product's id and the ids of its images, in the order of `pictures` (which has no asset twice).
 */
export async function recordProduct(
  tx: Tx,
  workspaceId: string,
  page: { product: ReadProduct; pictures: readonly StoredPicture[]; ranking: RankingMethod },
): Promise<{ productId: string; imageIds: string[] }> {
  const { product } = page;
  const facts = {
    title: product.title,
    description: product.description,
    brand: product.brand,
    sku: product.sku,
    gtin: product.gtin,
    mpn: product.mpn,
    priceAmount: product.priceAmount,
    priceCurrency: product.priceCurrency,
    priceText: product.priceText,
    availability: product.availability,
    language: product.language,
    provenance: { ...product.provenance },
  };
  const [row] = await tx
    .insert(products)
    .values({ id: createId(), workspaceId, address: product.address, ...facts })
    .onConflictDoUpdate({
      target: [products.workspaceId, products.address],
      set: { ...facts, readAt: sql`clock_timestamp()` },
    })
    .returning({ id: products.id });
  if (!row) throw new Error('an insert answered no row');
  const images = await tx
    .insert(productImages)
    .values(
      page.pictures.map((picture, rank) => ({
        id: createId(),
        productId: row.id,
        assetId: picture.assetId,
        url: picture.url,
        alt: picture.alt,
        rank,
        score: picture.score,
        method: page.ranking.method,
        model: page.ranking.model,
        palette: [...picture.palette],
      })),
    )
    .onConflictDoUpdate({
      target: [productImages.productId, productImages.assetId],
      set: {
        rank: sql`excluded.rank`,
        score: sql`excluded.score`,
        method: sql`excluded.method`,
        model: sql`excluded.model`,
      },
    })
    .returning({ id: productImages.id, assetId: productImages.assetId });
  const idOfAsset = new Map(images.map((image) => [image.assetId, image.id]));
  return {
    productId: row.id,
    imageIds: page.pictures.map((picture) => idOfAsset.get(picture.assetId) ?? ''),
  };
}
