import { sql } from 'drizzle-orm';
import { storeAsset } from '../assets/store-asset.ts';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import { createId } from '../lib/ids.ts';
import { pipelined } from '../lib/pipelined.ts';
import { requireValue } from '../lib/require-value.ts';
import type { FeatureDeps } from '../queue/feature-deps.ts';
import type { ProductImage, RankingMethod, ReadProduct } from './product.ts';

/** A ranked image, with the asset that holds our copy. */
export interface StoredImage extends ProductImage {
  readonly assetId: string;
}

/**
 * Stores the images of a page, and drops repeated ones. In a transaction of its own: storing bytes
 * takes long, and no lock should wait for it.
 */
export async function storeImages(
  deps: Pick<FeatureDeps, 'transact'>,
  workspaceId: string,
  images: readonly ProductImage[],
): Promise<StoredImage[]> {
  // Locks in the order of the content, so that two pages with the same images do not deadlock.
  const inOrder = images.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes));
  const stored = await deps.transact(async (tx) => {
    const assets = await pipelined(...inOrder.map((image) => () => storeAsset(tx, workspaceId, image)));
    return images.map((image) => ({
      ...image,
      assetId: requireValue(assets[inOrder.indexOf(image)], 'the asset of an image').id,
    }));
  });
  return stored.filter((image, i) => stored.findIndex((p) => p.assetId === image.assetId) === i);
}

/**
 * Writes the facts of a page: one product per workspace and address, so a later reading replaces an
 * earlier one. Returns the id of the product and the ids of its images, in the order of `images`
 * (in which no asset may be twice).
 */
export async function recordProduct(
  tx: Tx,
  workspaceId: string,
  page: { product: ReadProduct; images: readonly StoredImage[]; ranking: RankingMethod },
): Promise<{ productId: string; imageIds: string[] }> {
  const { product, images, ranking } = page;
  const rows = images.map((image, rank) => ({
    id: createId(),
    asset_id: image.assetId,
    url: image.url,
    alt: image.alt,
    rank,
    score: image.score,
    palette: image.palette,
  }));
  const recorded = await record(tx, {
    ...product,
    id: createId(),
    workspaceId,
    provenance: JSON.stringify(product.provenance),
    images: JSON.stringify(rows),
    method: ranking.method,
    model: ranking.model,
  });
  const idOfAsset = new Map(recorded.map((image) => [image.asset_id, image.id]));
  return {
    productId: requireValue(recorded[0], 'an image of the product').product_id,
    imageIds: images.map((image) => requireValue(idOfAsset.get(image.assetId), 'the id of an image')),
  };
}

/** The columns that a later reading replaces, and their fields. */
const FACTS = {
  title: 'title',
  description: 'description',
  brand: 'brand',
  sku: 'sku',
  gtin: 'gtin',
  mpn: 'mpn',
  price_amount: 'priceAmount',
  price_currency: 'priceCurrency',
  price_text: 'priceText',
  availability: 'availability',
  language: 'language',
  provenance: 'provenance',
} as const satisfies Record<string, keyof ReadProduct>;
const columns = Object.keys(FACTS);

const record = prepareSql<{ id: string; asset_id: string; product_id: string }>(
  'record_product',
  sql`
    with product as (
      insert into cta.products (id, workspace_id, address, ${sql.raw(columns.join(', '))})
      values (${sql.placeholder('id')}, ${sql.placeholder('workspaceId')}, ${sql.placeholder('address')},
        ${sql.join(
          Object.values(FACTS).map((name) => sql.placeholder(name)),
          sql`, `,
        )})
      on conflict (workspace_id, address) do update set
        ${sql.raw(columns.map((column) => `${column} = excluded.${column}`).join(', '))}, read_at = clock_timestamp()
      returning id
    )
    insert into cta.product_images (id, workspace_id, product_id, asset_id, url, alt, rank, score, palette, method, model)
    select i.id, ${sql.placeholder('workspaceId')}, product.id, i.asset_id, i.url, i.alt, i.rank, i.score, i.palette,
      ${sql.placeholder('method')}, ${sql.placeholder('model')}
    from product, jsonb_to_recordset(${sql.placeholder('images')}::jsonb)
      as i (id uuid, asset_id uuid, url text, alt text, rank int, score real, palette jsonb)
    -- The order in which add_images inserts them, too: otherwise the two could deadlock.
    order by i.asset_id
    on conflict (product_id, asset_id) do update set
      rank = excluded.rank, score = excluded.score, method = excluded.method, model = excluded.model
    returning id, asset_id, product_id`,
);
