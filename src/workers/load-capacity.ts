import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { GRACE_MS, PAGES_AT_ONCE } from './worker.ts';

/** The common capacity of the living workers, and how long a page took lately. */
export interface Capacity {
  readonly alive: number;
  /** Previews that can run at the same time. */
  readonly capacity: number;
  /** Previews that run now. */
  readonly running: number;
  readonly pagesAtOnce: number;
  /** The median of recent readings, in milliseconds; null if there were none. */
  readonly typicalPageMs: number | null;
}

/**
 * A worker with a late heartbeat still counts for this long: the result is only for information.
 */
const LATE_MS = GRACE_MS * 2;
const SAMPLE = 20;

/**
 * Loads the capacity of the living workers. May count a worker that died within the last seconds.
 */
export async function loadCapacity(db: Executor): Promise<Capacity> {
  const { rows } = await db.execute<{
    alive: number;
    capacity: number;
    running: number;
    typical_page_ms: number | null;
  }>(sql`
    select
      w.alive, w.capacity,
      (select count(*)::int from cta.previews where status = 'running') as running,
      (
        select percentile_cont(0.5) within group (order by extract(epoch from s.finished_at - s.claimed_at) * 1000)
        from (
          select finished_at, claimed_at from cta.sources where status = 'done' order by finished_at desc limit ${SAMPLE}
        ) s
      )::float8 as typical_page_ms
    from (
      select count(*)::int as alive, coalesce(sum(capacity), 0)::int as capacity
      from cta.workers
      where died_at is null and seen_at > clock_timestamp() - make_interval(secs => ${LATE_MS} / 1000.0)
    ) w`);
  const [row] = rows;
  const alive = row?.alive ?? 0;
  return {
    alive,
    capacity: row?.capacity ?? 0,
    running: row?.running ?? 0,
    pagesAtOnce: alive * PAGES_AT_ONCE,
    typicalPageMs: row?.typical_page_ms ?? null,
  };
}
