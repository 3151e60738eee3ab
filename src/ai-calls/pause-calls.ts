import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';

/** The longest pause that a provider can ask for; after it, a call may try again. */
const MAX_PAUSE_MS = 60 * 60_000;

/**
 * Lets no process start a call for `pauseMs`. Pauses both kinds: a start needs a slot of each
 * anyway, and a provider that asks us to wait means this client, not one endpoint.
 */
export async function pauseCalls(db: Executor, pauseMs: number): Promise<void> {
  const ms = Math.min(Math.max(pauseMs, 0), MAX_PAUSE_MS);
  await db.execute(sql`
    update cta.call_limits set
      paused_until = greatest(paused_until, clock_timestamp() + make_interval(secs => ${ms} / 1000.0))
    where kind in (select kind from cta.call_limits order by kind for update)`);
}
