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
import { DELIVERY_STATUSES } from './values.ts';
import { inWorkspace, workspaceId } from './workspaces.ts';

/** An address to which a workspace wants events sent. */
export const webhooks = cta.table(
  'webhooks',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    url: text('url').notNull(),
    /**
     * The secret of the Standard Webhooks scheme (`whsec_…`). It signs messages, so it is stored in
     * clear text.
     */
    secret: text('secret').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    unique('webhooks_in_workspace').on(t.id, t.workspaceId),
    uniqueIndex('webhooks_workspace_url').on(t.workspaceId, t.url),
    check('webhooks_url_length', sql`char_length(${t.url}) between 1 and 2048`),
  ],
);

/** A message to a webhook, and the result of sending it. */
export const webhookDeliveries = cta.table(
  'webhook_deliveries',
  {
    id: primaryId(),
    workspaceId: workspaceId(),
    webhookId: uuid('webhook_id').notNull(),
    /** For example `batch.finished`. */
    event: text('event').notNull(),
    /** The id of what the event is about: a batch. */
    subjectId: uuid('subject_id').notNull(),
    /** The message as sent; the same in every attempt. */
    payload: jsonb('payload').$type<object>().notNull(),
    status: text('status', { enum: DELIVERY_STATUSES }).notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    /**
     * The HTTP status of the last attempt; null if there was no response. `last_error` describes a
     * failure.
     */
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
    createdAt: createdAt(),
    attemptedAt: timestamp('attempted_at'),
    /**
     * When the next attempt is due; null before the first one, during an attempt, and after the
     * last one.
     */
    dueAt: timestamp('due_at'),
    deliveredAt: timestamp('delivered_at'),
  },
  (t) => [
    foreignKey({
      name: 'webhook_deliveries_webhook',
      columns: [t.webhookId, t.workspaceId],
      foreignColumns: [webhooks.id, webhooks.workspaceId],
    }).onDelete('cascade'),
    index('webhook_deliveries_workspace_created').on(t.workspaceId, t.createdAt, t.id),
    index('webhook_deliveries_webhook').on(t.webhookId),
    index('webhook_deliveries_created').on(t.createdAt),
    check('webhook_deliveries_delivered', sql`(${t.status} = 'delivered') = (${t.deliveredAt} is not null)`),
    check('webhook_deliveries_status', oneOf('status', DELIVERY_STATUSES)),
  ],
);
