import { sql } from 'drizzle-orm';
import { check, index, integer, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { createdAt, cta, oneOf, primaryId, timestamp } from './columns.ts';
import { inWorkspace } from './workspaces.ts';

/** An address that a workspace wants to be told at when something has happened. */
export const webhooks = cta.table(
  'webhooks',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    url: text('url').notNull(),
    /** Of the Standard Webhooks scheme (`whsec_…`): what messages are signed with, so it is kept as it is. */
    secret: text('secret').notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('webhooks_workspace_url').on(t.workspaceId, t.url),
    check('webhooks_url_length', sql`char_length(${t.url}) between 1 and 2048`),
  ],
);

/** A message to a webhook, and what came of sending it. */
export const webhookDeliveries = cta.table(
  'webhook_deliveries',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    webhookId: uuid('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** `batch.finished` */
    event: text('event').notNull(),
    /** What it is about: a batch's id. */
    subjectId: uuid('subject_id').notNull(),
    /** The message as it is sent, the same in every try. */
    payload: jsonb('payload').notNull(),
    status: text('status').notNull().default('pending'),
    attempts: integer('attempts').notNull().default(0),
    /** Of the last try: the status that was answered, or why there was none. */
    lastStatus: integer('last_status'),
    lastError: text('last_error'),
    createdAt: createdAt(),
    attemptedAt: timestamp('attempted_at'),
    /** When the next try is due; null before the first one, while one is under way, and once it is over. */
    dueAt: timestamp('due_at'),
    deliveredAt: timestamp('delivered_at'),
  },
  (t) => [
    index('webhook_deliveries_workspace_created').on(t.workspaceId, t.createdAt, t.id),
    index('webhook_deliveries_webhook').on(t.webhookId),
    index('webhook_deliveries_created').on(t.createdAt),
    check('webhook_deliveries_status', oneOf('status', ['pending', 'delivered', 'failed'])),
  ],
);
