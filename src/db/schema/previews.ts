import { sql } from 'drizzle-orm';
import {
  bigint,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { assets } from './assets.ts';
import { sources } from './batches.ts';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { productImages, products } from './products.ts';
import type { StoredGenerator, StoredOverrides, StoredPrefill, StoredRanking } from './stored-json.ts';
import { CALL_KINDS, FINAL_PREVIEW_STATUSES, PREVIEW_STATUSES } from './values.ts';
import { workspaceId } from './workspaces.ts';

/**
 * One CTA. Generated content and a person's changes are stored separately; the prefill is
 * `overrides` merged over `generated`.
 */
export const previews = cta.table(
  'previews',
  {
    id: primaryId(),
    workspaceId: workspaceId(),
    batchId: uuid('batch_id').notNull(),
    sourceId: uuid('source_id').notNull(),
    productId: uuid('product_id'),
    imageId: uuid('image_id').references(() => productImages.id, { onDelete: 'set null' }),
    /** 0-based within its source. */
    position: integer('position').notNull(),
    /** Selects different texts and a different background, also if an image is used again. */
    variant: integer('variant').notNull().default(0),
    /** The generation whose answers count; generating the preview anew starts the next one. */
    generation: integer('generation').notNull().default(1),
    /**
     * The current round of attempts: a retry by a person starts the next round and keeps the stored
     * answers.
     */
    round: integer('round').notNull().default(1),
    status: text('status', { enum: PREVIEW_STATUSES }).notNull().default('pending'),
    /**
     * Since when it has been waiting for its calls in the current generation; another attempt does
     * not change it.
     */
    queuedAt: timestamp('queued_at'),
    /**
     * Its start tag: the position in the fair order over all workspaces, assigned when it becomes
     * `queued`.
     */
    startTag: integer('start_tag'),
    /** While `queued`: the only step to run; null for both steps. */
    nextStep: text('next_step', { enum: CALL_KINDS }),
    /** While `queued` for another attempt: the earliest time for it. */
    retryAt: timestamp('retry_at'),
    ranking: jsonb('ranking').$type<StoredRanking>(),
    generated: jsonb('generated').$type<StoredPrefill>(),
    generator: jsonb('generator').$type<StoredGenerator>(),
    overrides: jsonb('overrides').$type<StoredOverrides>(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** Sums over its calls in the ledger that have ended; see `pipeline/refresh-usage`. */
    usageCalls: integer('usage_calls').notNull().default(0),
    usageInputTokens: integer('usage_input_tokens').notNull().default(0),
    usageOutputTokens: integer('usage_output_tokens').notNull().default(0),
    usageImages: integer('usage_images').notNull().default(0),
    /** Milliseconds. */
    usageMs: bigint('usage_ms', { mode: 'number' }).notNull().default(0),
    /**
     * Together with the id, gives access to the preview's public page. 244 random bits, which
     * cannot be guessed.
     */
    embedSecret: text('embed_secret')
      .notNull()
      .default(sql`replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`),
    /** When the address of its public page was revoked; null while the address is valid. */
    embedRevokedAt: timestamp('embed_revoked_at'),
    version: integer('version').notNull().default(1),
    createdAt: createdAt(),
    updatedAt: timestamp('updated_at').notNull().defaultNow(),
    finishedAt: timestamp('finished_at'),
  },
  (t) => [
    // A preview belongs to one source, and through it to its batch and workspace.
    foreignKey({
      name: 'previews_source',
      columns: [t.sourceId, t.batchId, t.workspaceId],
      foreignColumns: [sources.id, sources.batchId, sources.workspaceId],
    }).onDelete('cascade'),
    foreignKey({
      name: 'previews_product',
      columns: [t.productId, t.workspaceId],
      foreignColumns: [products.id, products.workspaceId],
    }).onDelete('cascade'),
    uniqueIndex('previews_source_position').on(t.sourceId, t.position),
    index('previews_workspace_created').on(t.workspaceId, t.createdAt, t.id),
    index('previews_workspace_status').on(t.workspaceId, t.status, t.createdAt, t.id),
    index('previews_batch_created').on(t.batchId, t.createdAt, t.id),
    index('previews_product_created').on(t.productId, t.createdAt, t.id),
    index('previews_image').on(t.imageId),
    // To find work that a worker left unfinished.
    index('previews_running').on(t.id).where(sql`status = 'running'`),
    // The queue of waiting previews, over all workspaces.
    index('previews_queue').on(t.startTag, t.id).where(sql`status = 'queued'`),
    index('previews_waiting').on(t.workspaceId, t.startTag).where(sql`status = 'queued'`),
    check('previews_status', oneOf('status', PREVIEW_STATUSES)),
    check(
      'previews_finished',
      sql`(${oneOf('status', FINAL_PREVIEW_STATUSES)}) = (${t.finishedAt} is not null)`,
    ),
    check('previews_done_has_prefill', sql`${t.status} <> 'done' or ${t.generated} is not null`),
    check('previews_error', sql`(${t.status} = 'failed') = (${t.errorCode} is not null)`),
    check('previews_next_step', oneOf('next_step', CALL_KINDS)),
    check('previews_position', sql`${t.position} >= 0 and ${t.variant} >= 0`),
  ],
);

/**
 * The images of ours that a person put into a preview: they are kept as long as it refers to them.
 */
export const previewAssets = cta.table(
  'preview_assets',
  {
    previewId: uuid('preview_id')
      .notNull()
      .references(() => previews.id, { onDelete: 'cascade' }),
    assetId: uuid('asset_id').notNull(),
    workspaceId: workspaceId(),
  },
  (t) => [
    primaryKey({ columns: [t.previewId, t.assetId] }),
    foreignKey({
      name: 'preview_assets_asset',
      columns: [t.assetId, t.workspaceId],
      foreignColumns: [assets.id, assets.workspaceId],
    }).onDelete('cascade'),
    index('preview_assets_asset').on(t.assetId),
  ],
);
