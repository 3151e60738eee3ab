import { sql } from 'drizzle-orm';
import { bigint, check, index, integer, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { batches, sources } from './batches.ts';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { productImages, products } from './products.ts';
import { inWorkspace } from './workspaces.ts';

/** One CTA. What was generated and what a person changed are kept apart; the prefill is the one over the other. */
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
    /** Another number, other texts and another background; also when an image is used again. */
    variant: integer('variant').notNull().default(0),
    /** Which generation of answers counts; a regeneration starts the next one. */
    generation: integer('generation').notNull().default(1),
    /** Which round of tries this is: a retry by a person starts the next one, and keeps what is answered. */
    round: integer('round').notNull().default(1),
    status: text('status').notNull().default('pending'),
    /** Since when it waits for its calls, in its present generation; a try again does not change it. */
    queuedAt: timestamp('queued_at'),
    /** Place in the fair order over all workspaces, given when it becomes `queued`. */
    fairTag: integer('fair_tag'),
    /** While it is `queued`: the step that is tried again alone; null for both. */
    nextStep: text('next_step'),
    /** While it is `queued` for another try: not before. */
    retryAt: timestamp('retry_at'),
    /** How its image was ranked: `{ method, score, model }`. */
    ranking: jsonb('ranking'),
    generated: jsonb('generated'),
    /** Who made texts and background: `{ text: { provider, model }, image: { … } }`. */
    generator: jsonb('generator'),
    overrides: jsonb('overrides'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** Sums over its calls on the ledger that have ended; see `pipeline/refresh-usage`. */
    usageCalls: integer('usage_calls').notNull().default(0),
    usageInputTokens: integer('usage_input_tokens').notNull().default(0),
    usageOutputTokens: integer('usage_output_tokens').notNull().default(0),
    usagePictures: integer('usage_pictures').notNull().default(0),
    /** Milliseconds. */
    usageMs: bigint('usage_ms', { mode: 'number' }).notNull().default(0),
    /** With the id, all that is needed to see its page: 244 random bits, which nobody guesses. */
    embedSecret: text('embed_secret')
      .notNull()
      .default(sql`replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')`),
    /** When the address of its page was revoked; null while the address is valid. */
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
    // To find work that was left half done.
    index('previews_running').on(t.id).where(sql`status = 'running'`),
    // The line of those that wait, over all workspaces.
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
