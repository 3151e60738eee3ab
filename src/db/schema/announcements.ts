import { timestamp, uuid } from 'drizzle-orm/pg-core';
import { batches } from './batches.ts';
import { cta } from './columns.ts';

/**
 * When it was last said to all processes that a batch has changed. The table is unlogged: a server that crashed has none of it, and the
 * next announcements are made at once.
 */
export const announcements = cta.table('announcements', {
  batchId: uuid('batch_id')
    .primaryKey()
    .references(() => batches.id, { onDelete: 'cascade' }),
  /** As the clock has it, without rounding: what came after it must not seem to have come before. */
  announcedAt: timestamp('announced_at', { withTimezone: true }).notNull(),
});
