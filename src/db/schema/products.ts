import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, numeric, real, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { assets } from './assets.ts';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { inWorkspace } from './workspaces.ts';

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
    availability: text('availability'),
    language: text('language'),
    /** The origin of each field: `{ "title": "json-ld", … }`. */
    provenance: jsonb('provenance').$type<Record<string, string>>().notNull(),
    readAt: timestamp('read_at').notNull().defaultNow(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('products_workspace_address').on(t.workspaceId, t.address),
    check('products_address_length', sql`char_length(${t.address}) between 1 and 2048`),
    check('products_availability', oneOf('availability', ['InStock', 'OutOfStock'])),
  ],
);

/** An image of a product that is good enough to use: our copy and its rank. */
export const productImages = cta.table(
  'product_images',
  {
    id: primaryId(),
    productId: uuid('product_id')
      .notNull()
      .references(() => products.id, { onDelete: 'cascade' }),
    assetId: uuid('asset_id')
      .notNull()
      .references(() => assets.id, { onDelete: 'cascade' }),
    /** The image's URL in the shop. */
    url: text('url').notNull(),
    alt: text('alt'),
    /** 0 is the best. */
    rank: integer('rank').notNull(),
    score: real('score').notNull(),
    method: text('method').notNull(),
    model: text('model'),
    /** '#rrggbb', most used first. */
    palette: jsonb('palette').$type<string[]>().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('product_images_product_asset').on(t.productId, t.assetId),
    index('product_images_asset').on(t.assetId),
    check('product_images_method', oneOf('method', ['clip', 'heuristic'])),
    check('product_images_rank', sql`${t.rank} >= 0`),
  ],
);
