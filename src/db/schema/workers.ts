import { sql } from 'drizzle-orm';
import { integer } from 'drizzle-orm/pg-core';
import { cta, primaryId, timestamp } from './columns.ts';

/**
 * One run of a worker process. It is dead if its session no longer holds the advisory lock of
 * `lock_key` and its last heartbeat is older than the grace period, or if it holds the lock but
 * seems frozen; see `workers/find-dead-workers`.
 */
export const workers = cta.table('workers', {
  id: primaryId(),
  /** The maximum number of previews that it processes at once. */
  capacity: integer('capacity').notNull().default(0),
  lockKey: integer('lock_key').notNull().generatedAlwaysAsIdentity().unique(),
  startedAt: timestamp('started_at').notNull().default(sql`clock_timestamp()`),
  /** The time of the last heartbeat. */
  seenAt: timestamp('seen_at').notNull().default(sql`clock_timestamp()`),
  /** When another worker found it dead. */
  diedAt: timestamp('died_at'),
});
