import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  numeric,
  real,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { assets } from './assets.ts';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { AVAILABILITIES, RANKING_METHODS } from './values.ts';
import { inWorkspace, workspaceId } from './workspaces.ts';

/**
 * A product as its page describes it. One per workspace and address, shared by batches; reading the
 * page again replaces it.
 */
export const products = cta.table(
  'products',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    address: text('address').notNull(),
    title: text('title').notNull(),
    description: text('description'),
    brand: text('brand'),
    sku: text('sku'),
    gtin: text('gtin'),
    mpn: text('mpn'),
    priceAmount: numeric('price_amount'),
    priceCurrency: text('price_currency'),
    priceText: text('price_text'),
    availability: text('availability', { enum: AVAILABILITIES }),
    language: text('language'),
    /** The origin of each field: `{ "title": "json-ld", … }`. */
    provenance: jsonb('provenance').$type<Record<string, string>>().notNull(),
    readAt: timestamp('read_at').notNull().defaultNow(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('products_in_workspace').on(t.id, t.workspaceId),
    uniqueIndex('products_workspace_address').on(t.workspaceId, t.address),
    check('products_address_length', sql`char_length(${t.address}) between 1 and 2048`),
    check('products_availability', oneOf('availability', AVAILABILITIES)),
  ],
);

/** An image of a product that is good enough to use: our copy and its rank. */
export const productImages = cta.table(
  'product_images',
  {
    id: primaryId(),
    workspaceId: workspaceId(),
    productId: uuid('product_id').notNull(),
    assetId: uuid('asset_id').notNull(),
    /** The image's URL in the shop. */
    url: text('url').notNull(),
    alt: text('alt'),
    /** 0 is the best. */
    rank: integer('rank').notNull(),
    score: real('score').notNull(),
    method: text('method', { enum: RANKING_METHODS }).notNull(),
    model: text('model'),
    /** '#rrggbb', most used first. */
    palette: jsonb('palette').$type<string[]>().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    foreignKey({
      name: 'product_images_product',
      columns: [t.productId, t.workspaceId],
      foreignColumns: [products.id, products.workspaceId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'product_images_asset',
      columns: [t.assetId, t.workspaceId],
      foreignColumns: [assets.id, assets.workspaceId],
    }).onDelete('cascade'),
    uniqueIndex('product_images_product_asset').on(t.productId, t.assetId),
    index('product_images_asset').on(t.assetId),
    check('product_images_method', oneOf('method', RANKING_METHODS)),
    check('product_images_rank', sql`${t.rank} >= 0`),
  ],
);
