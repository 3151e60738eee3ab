import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import type { CallKind } from './ai-call.ts';

/** The window with the most calls. */
export interface WorstWindow {
  readonly calls: number;
  /** When the first and the last of them left. */
  readonly from: Date;
  readonly to: Date;
}

/**
 * The window with the most counted calls of a kind that is on the ledger, by when each left; null when there are none. A
 * window is half open: two calls that are exactly `windowMs` apart are not in the same one.
 */
export async function findWorstWindow(
  db: Executor,
  { kind, windowMs }: { kind: CallKind; windowMs: number },
): Promise<WorstWindow | null> {
  const { rows } = await db.execute<{ calls: number; from: number; to: number }>(sql`
    select
      (count(*) over last)::int as calls,
      ${epochMs(sql`first_value(left_at) over last`)} as "from",
      ${epochMs(sql`left_at`)} as "to"
    from cta.ai_calls
    where kind = ${kind} and counted and left_at is not null
    window last as (
      order by left_at range between make_interval(secs => ${windowMs - 1} / 1000.0) preceding and current row
    )
    order by calls desc, left_at desc limit 1`);
  const [worst] = rows;
  return worst ? { calls: worst.calls, from: toDate(worst.from), to: toDate(worst.to) } : null;
}
