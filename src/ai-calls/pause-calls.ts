import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

/** A provider's request to wait is honoured up to this long; then a call may ask again. */
const LONGEST_PAUSE_MS = 60 * 60_000;

/**
 * No process starts a call before `pauseMs` have passed. For both kinds: a start needs a slot of each anyway, and
 * a provider that asks us to wait means us, not one endpoint.
 */
export async function pauseCalls(db: Executor, pauseMs: number): Promise<void> {
  const ms = Math.min(Math.max(pauseMs, 0), LONGEST_PAUSE_MS);
  await db.execute(sql`
    update cta.call_limits set
      paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => ${ms} / 1000.0))
    where kind in (select kind from cta.call_limits order by kind for update)`);
}
