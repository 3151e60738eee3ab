import { sql } from 'drizzle-orm';
import { check, index, integer, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, cta, primaryId, timestamp } from './columns.ts';

/** The tenant. Every row of tenant data names one. */
export const workspaces = cta.table(
  'workspaces',
  {
    id: primaryId(),
    name: text('name').notNull().unique(),
    /** The fair tag of its preview that started last: its next one comes after it, so that turns are taken. */
    lastFairTag: integer('last_fair_tag').notNull().default(-1),
    /** The same for the pages that are read. */
    lastPageTag: integer('last_page_tag').notNull().default(-1),
    createdAt: createdAt(),
  },
  (t) => [
    index('workspaces_last_page_tag').on(t.lastPageTag),
    check('workspaces_name_length', sql`char_length(${t.name}) between 1 and 100`),
  ],
);

/** The workspace a row belongs to, and with which it goes. */
export const inWorkspace = () =>
  uuid('workspace_id')
    .notNull()
    .references(() => workspaces.id, { onDelete: 'cascade' });

/** A bearer token; only its SHA-256 is kept. */
export const apiTokens = cta.table(
  'api_tokens',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    tokenHash: bytea('token_hash').notNull(),
    expiresAt: timestamp('expires_at'),
    createdAt: createdAt(),
  },
  (t) => [
    uniqueIndex('api_tokens_token_hash').on(t.tokenHash),
    index('api_tokens_workspace').on(t.workspaceId),
  ],
);
