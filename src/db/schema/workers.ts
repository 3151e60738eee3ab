import { sql } from 'drizzle-orm';
import { index, integer } from 'drizzle-orm/pg-core';
import { cta, moment, primaryId } from './columns.ts';

/**
 * One run of a worker process. It is alive while its session holds the advisory lock of `lock_key`, or was seen
 * within the grace; see `workers/find-dead-workers`.
 */
export const workers = cta.table(
  'workers',
  {
    id: primaryId(),
    /** Previews in flight at once. */
    capacity: integer('capacity').notNull().default(0),
    lockKey: integer('lock_key').notNull().generatedAlwaysAsIdentity().unique(),
    startedAt: moment('started_at').notNull().default(sql`clock_timestamp()`),
    seenAt: moment('seen_at').notNull().default(sql`clock_timestamp()`),
    diedAt: moment('died_at'),
  },
  (t) => [index('workers_alive').on(t.seenAt).where(sql`died_at is null`)],
);
