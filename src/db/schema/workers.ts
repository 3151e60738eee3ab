import { sql } from 'drizzle-orm';
import { integer } from 'drizzle-orm/pg-core';
import { cta, primaryId, timestamp } from './columns.ts';

/**
 * One run of a worker process. It is alive while its session holds the advisory lock of `lock_key`,
 * or if it was seen within the grace period; see `workers/find-dead-workers`.
 */
export const workers = cta.table('workers', {
  id: primaryId(),
  /** The number of previews that it processes at once. */
  capacity: integer('capacity').notNull().default(0),
  lockKey: integer('lock_key').notNull().generatedAlwaysAsIdentity().unique(),
  startedAt: timestamp('started_at').notNull().default(sql`clock_timestamp()`),
  seenAt: timestamp('seen_at').notNull().default(sql`clock_timestamp()`),
  diedAt: timestamp('died_at'),
});
