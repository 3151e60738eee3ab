import { sql } from 'drizzle-orm';
import type { CallKind } from './ai-call.ts';
import { SUCCESS_SIGNALS } from './breaker.ts';
import type { LimitLock } from './limit-lock.ts';

/**
 * Closes the breakers whose provider has worked since they opened. Returns their kinds.
 */
export async function closeBreakers(lock: LimitLock): Promise<CallKind[]> {
  const codes = sql.join(
    SUCCESS_SIGNALS.map((code) => sql`${code}`),
    sql`, `,
  );
  const { rows } = await lock.execute<{ kind: CallKind }>(sql`
    update cta.call_limits l set failing_since = null, failing_code = null, probe_after = null
    where l.failing_since is not null and exists (
      select 1 from cta.ai_calls c
      where c.kind = l.kind and c.status <> 'sent' and c.ended_at > l.failing_since
        and (c.status = 'answered' or c.error_code in (${codes}))
    )
    returning l.kind`);
  return rows.map((row) => row.kind);
}
