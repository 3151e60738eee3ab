import { sql } from 'drizzle-orm';
import {
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  text,
  unique,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { products } from './products.ts';
import type { StoredBrief, StoredGivenProduct } from './stored-json.ts';
import { SOURCE_STATUSES } from './values.ts';
import { inWorkspace, workspaceId } from './workspaces.ts';

/** One request for previews. Its status is derived from its previews and never stored. */
export const batches = cta.table(
  'batches',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    /** The id of the batch's `batch.start` job. */
    taskId: uuid('task_id').notNull(),
    /** The name that a person gave the batch. */
    name: text('name'),
    cancelRequestedAt: timestamp('cancel_requested_at'),
    startedAt: timestamp('started_at'),
    finishedAt: timestamp('finished_at'),
    createdAt: createdAt(),
  },
  (t) => [
    unique('batches_in_workspace').on(t.id, t.workspaceId),
    uniqueIndex('batches_task').on(t.taskId),
    index('batches_finished').on(t.finishedAt),
    // To find batches that should be finished but are not.
    index('batches_unfinished').on(t.id).where(sql`finished_at is null`),
    index('batches_workspace_created').on(t.workspaceId, t.createdAt, t.id),
    check('batches_name_length', sql`char_length(${t.name}) between 1 and 120`),
  ],
);

/** One URL of a batch, with the number of previews requested. */
export const sources = cta.table(
  'sources',
  {
    id: primaryId(),
    workspaceId: workspaceId(),
    batchId: uuid('batch_id').notNull(),
    position: integer('position').notNull(),
    url: text('url').notNull(),
    batchSize: integer('batch_size').notNull(),
    /** BCP 47: the requested language, instead of the page's. */
    locale: text('locale'),
    /** The requested tone of the texts, in the requester's own words. */
    tone: text('tone'),
    /**
     * A product given in the request, instead of reading the page: `{ title, description,
     * priceText, imageUrls }`.
     */
    given: jsonb('given').$type<StoredGivenProduct>(),
    status: text('status', { enum: SOURCE_STATUSES }).notNull().default('pending'),
    productId: uuid('product_id').references(() => products.id, { onDelete: 'set null' }),
    /** The worker that reads the page while the status is `running`. */
    workerId: uuid('worker_id'),
    attempts: integer('attempts').notNull().default(0),
    /** The number of attempts before a person last asked for a retry. */
    attemptsForgiven: integer('attempts_forgiven').notNull().default(0),
    /** Its start tag: the position in the fair order in which pages are read. */
    startTag: integer('start_tag'),
    /** The product as AI calls see it; a copy, so that every attempt of a call sends the same. */
    brief: jsonb('brief').$type<StoredBrief>(),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
    /** When it was last claimed; `started_at` is the first time. */
    claimedAt: timestamp('claimed_at'),
    startedAt: timestamp('started_at'),
    finishedAt: timestamp('finished_at'),
    createdAt: createdAt(),
  },
  (t) => [
    foreignKey({
      name: 'sources_batch',
      columns: [t.batchId, t.workspaceId],
      foreignColumns: [batches.id, batches.workspaceId],
    }).onDelete('cascade'),
    unique('sources_in_batch').on(t.id, t.batchId, t.workspaceId),
    uniqueIndex('sources_batch_position').on(t.batchId, t.position),
    index('sources_waiting').on(t.workspaceId, t.startTag).where(sql`status = 'pending'`),
    // The queue of pending sources, over all workspaces.
    index('sources_queue').on(t.startTag).where(sql`status = 'pending'`),
    // To measure how long recent pages took.
    index('sources_done').on(t.finishedAt).where(sql`status = 'done'`),
    index('sources_product').on(t.productId),
    index('sources_running_worker').on(t.workerId).where(sql`status = 'running'`),
    check('sources_status', oneOf('status', SOURCE_STATUSES)),
    check('sources_locale_length', sql`char_length(${t.locale}) <= 35`),
    check('sources_tone_length', sql`char_length(${t.tone}) <= 200`),
    check('sources_url_length', sql`char_length(${t.url}) between 1 and 2048`),
    check('sources_batch_size', sql`${t.batchSize} between 1 and 1000`),
    check('sources_finished', sql`(${t.status} in ('done', 'failed')) = (${t.finishedAt} is not null)`),
    check('sources_worker', sql`(${t.status} = 'running') = (${t.workerId} is not null)`),
    check('sources_error', sql`(${t.status} = 'failed') = (${t.errorCode} is not null)`),
  ],
);
