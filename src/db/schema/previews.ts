import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { batches, sources } from './batches.ts';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { productImages, products } from './products.ts';
import { inWorkspace } from './workspaces.ts';

/**
 * One CTA. Generated content and a person's changes are stored separately; the prefill is
 * `overrides` merged over `generated`.
 */
export const previews = cta.table(
  'previews',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    batchId: uuid('batch_id')
      .notNull()
      .references(() => batches.id, { onDelete: 'cascade' }),
    sourceId: uuid('source_id')
      .notNull()
      .references(() => sources.id, { onDelete: 'cascade' }),
    productId: uuid('product_id').references(() => products.id, { onDelete: 'cascade' }),
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
    status: text('status').notNull().default('pending'),
    /**
     * Since when it has been waiting for its calls in the current generation; another attempt does
     * not change it.
     */
    queuedAt: timestamp('queued_at'),
    /**
     * Its start tag: the position in the fair order over all workspaces, assigned when it becomes
     * `queued`.
     */
    fairTag: integer('fair_tag'),
    /** While `queued`: the only step to run; null for both steps. */
    nextStep: text('next_step'),
    /** While `queued` for another attempt: the earliest time for it. */
    retryAt: timestamp('retry_at'),
    /** How its image was ranked: `{ method, score, model }`. */
    ranking: jsonb('ranking'),
    generated: jsonb('generated'),
    /** The origin of texts and background: `{ text: { provider, model }, image: { … } }`. */
    generator: jsonb('generator'),
    overrides: jsonb('overrides'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** Sums over its calls in the ledger that have ended; see `pipeline/refresh-usage`. */
    usageCalls: integer('usage_calls').notNull().default(0),
    usageInputTokens: integer('usage_input_tokens').notNull().default(0),
    usageOutputTokens: integer('usage_output_tokens').notNull().default(0),
    usagePictures: integer('usage_pictures').notNull().default(0),
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
    uniqueIndex('previews_source_position').on(t.sourceId, t.position),
    index('previews_workspace_created').on(t.workspaceId, t.createdAt, t.id),
    index('previews_workspace_status').on(t.workspaceId, t.status, t.createdAt, t.id),
    index('previews_batch_created').on(t.batchId, t.createdAt, t.id),
    index('previews_batch_counts').on(t.batchId, t.sourceId, t.status),
    index('previews_product_created').on(t.productId, t.createdAt, t.id),
    index('previews_image').on(t.imageId),
    // To find work that a worker left unfinished.
    index('previews_running').on(t.id).where(sql`status = 'running'`),
    // The queue of waiting previews, over all workspaces.
    index('previews_line').on(t.fairTag, t.id).where(sql`status = 'queued'`),
    index('previews_pending').on(t.sourceId).where(sql`status = 'pending'`),
    index('previews_queued_tag').on(t.workspaceId, t.fairTag).where(sql`status = 'queued'`),
    check(
      'previews_status',
      oneOf('status', ['pending', 'queued', 'running', 'done', 'failed', 'cancelled']),
    ),
    check('previews_done_has_prefill', sql`${t.status} <> 'done' or ${t.generated} is not null`),
    check('previews_error', sql`(${t.status} = 'failed') = (${t.errorCode} is not null)`),
    check('previews_next_step', oneOf('next_step', ['text', 'image'])),
    check('previews_position', sql`${t.position} >= 0 and ${t.variant} >= 0`),
  ],
);
