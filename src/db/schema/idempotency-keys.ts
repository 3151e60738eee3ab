import { sql } from 'drizzle-orm';
import { check, index, jsonb, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytea, createdAt, cta } from './columns.ts';
import { inWorkspace } from './workspaces.ts';

/**
 * The response to a request with an `Idempotency-Key`, written in the same transaction as the
 * request's effects.
 */
export const idempotencyKeys = cta.table(
  'idempotency_keys',
  {
    workspaceId: inWorkspace(),
    key: text('key').notNull(),
    /** SHA-256 of the operation and its input, to refuse a different request with the same key. */
    fingerprint: bytea('fingerprint').notNull(),
    /** The result of the operation. */
    answer: jsonb('answer'),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.workspaceId, t.key] }),
    index('idempotency_keys_created').on(t.createdAt),
    check('idempotency_keys_key_length', sql`char_length(${t.key}) between 1 and 255`),
  ],
);
