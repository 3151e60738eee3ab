import { sql } from 'drizzle-orm';
import { PROBE_EVERY_MS } from './breaker.ts';
import type { LimitLock } from './limit-lock.ts';

/** Sets when the next probe of a failing provider may start, after one was let through. */
export async function postponeProbes(lock: LimitLock): Promise<void> {
  await lock.execute(sql`
    update cta.call_limits set probe_after = clock_timestamp() + make_interval(secs => ${PROBE_EVERY_MS} / 1000.0)
    where failing_since is not null`);
}
