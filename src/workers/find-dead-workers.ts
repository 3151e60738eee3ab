import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { FROZEN_MS, GRACE_MS, WORKER_LOCK_CLASS } from './worker.ts';

/**
 * Finds workers that are dead: no session holds their lock, and their last heartbeat is older than
 * the grace period. That period starts no earlier than the server, as no worker could send a
 * heartbeat while it was down. A worker that still holds its lock is dead after `FROZEN_MS`.
 */
export async function findDeadWorkers(db: Executor): Promise<string[]> {
  const { rows } = await db.execute<{ id: string }>(sql`
    select w.id from cta.workers w
    where w.died_at is null
      and greatest(w.seen_at, pg_postmaster_start_time()) < clock_timestamp() - make_interval(secs => ${GRACE_MS} / 1000.0)
      and (
        w.seen_at < clock_timestamp() - make_interval(secs => ${FROZEN_MS} / 1000.0)
        or not exists (
          select 1 from pg_locks l
          where l.locktype = 'advisory' and l.granted and l.objsubid = 2
            and l.database = (select oid from pg_database where datname = current_database())
            and l.classid = ${WORKER_LOCK_CLASS}::oid and l.objid::bigint = w.lock_key
        )
      )`);
  return rows.map((row) => row.id);
}
