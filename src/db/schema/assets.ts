import { sql } from 'drizzle-orm';
import { check, integer, text, unique, uniqueIndex } from 'drizzle-orm/pg-core';
import { bytea, createdAt, cta, primaryId, timestamp } from './columns.ts';
import { inWorkspace } from './workspaces.ts';

/**
 * An image, content-addressed within its workspace. `key` is random and the only thing needed to
 * fetch the image: it must be impossible to guess, and different for the same image in another
 * workspace.
 */
export const assets = cta.table(
  'assets',
  {
    id: primaryId(),
    workspaceId: inWorkspace(),
    key: text('key').notNull().unique(),
    sha256: bytea('sha256').notNull(),
    contentType: text('content_type').notNull(),
    width: integer('width').notNull(),
    height: integer('height').notNull(),
    bytes: bytea('bytes').notNull(),
    createdAt: createdAt(),
    /**
     * When it was stored last. An image that was stored again is about to be referenced, so it must
     * not be deleted as an orphan.
     */
    usedAt: timestamp('used_at').notNull().defaultNow(),
  },
  (t) => [
    uniqueIndex('assets_workspace_sha256').on(t.workspaceId, t.sha256),
    unique('assets_in_workspace').on(t.id, t.workspaceId),
    check('assets_sha256_length', sql`octet_length(${t.sha256}) = 32`),
    check('assets_size', sql`${t.width} > 0 and ${t.height} > 0`),
  ],
);
