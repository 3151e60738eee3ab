import { sql } from 'drizzle-orm';
import { check, index, integer, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, cta, primaryId, timestamp } from './columns.ts';

/** The tenant. Every row of tenant data references one. */
export const workspaces = cta.table(
  'workspaces',
  {
    id: primaryId(),
    name: text('name').notNull().unique(),
    /**
     * The largest start tag of its started previews and of its retried steps. Its next preview gets
     * a later one, so that workspaces take turns.
     */
    lastFairTag: integer('last_fair_tag').notNull().default(-1),
    /** The largest start tag of its sources whose pages were read; a separate order. */
    lastPageTag: integer('last_page_tag').notNull().default(-1),
    createdAt: createdAt(),
  },
  (t) => [
    index('workspaces_last_page_tag').on(t.lastPageTag),
    check('workspaces_name_length', sql`char_length(${t.name}) between 1 and 100`),
  ],
);

/** References the row's workspace; deleting the workspace deletes the row. */
export const inWorkspace = () =>
  uuid('workspace_id')
    .notNull()
    .references(() => workspaces.id, { onDelete: 'cascade' });

/** A bearer token; only its SHA-256 is stored. */
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
