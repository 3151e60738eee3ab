import { sql } from 'drizzle-orm';
import { check, index, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core';
import { bytea, createdAt, cta, primaryId, timestamp } from './columns.ts';

/** The tenant. Every row of tenant data references one. */
export const workspaces = cta.table(
  'workspaces',
  {
    id: primaryId(),
    name: text('name').notNull().unique(),
    createdAt: createdAt(),
  },
  (t) => [check('workspaces_name_length', sql`char_length(${t.name}) between 1 and 100`)],
);

/**
 * The row's workspace, in a table whose foreign key to another row contains the workspace: both
 * rows are of the same one.
 */
export const workspaceId = () => uuid('workspace_id').notNull();

/** References the row's workspace; deleting the workspace deletes the row. */
export const inWorkspace = () => workspaceId().references(() => workspaces.id, { onDelete: 'cascade' });

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
