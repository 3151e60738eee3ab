import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import type { CallKind } from './ai-call.ts';

/** The window length while there is no limit. */
export const DEFAULT_WINDOW_MS = 60_000;

/** The window with the most calls. */
export interface PeakWindow {
  readonly calls: number;
  /** When the first and the last of its calls left. */
  readonly from: Date;
  readonly to: Date;
}

/**
 * Returns the fullest window on the ledger, by the time when each counted call left; null without
 * calls. Of equally full windows, returns the last one. A window is half open: two calls that are
 * exactly `windowMs` apart are not in the same one.
 *
 * Reads every call that left within the last `sinceMs`, or the whole ledger without it.
 */
export async function findPeakWindow(
  db: Executor,
  { kind, windowMs, sinceMs }: { kind: CallKind; windowMs: number; sinceMs?: number },
): Promise<PeakWindow | null> {
  const isRecent =
    sinceMs === undefined
      ? sql`left_at is not null`
      : sql`left_at > statement_timestamp() - make_interval(secs => ${sinceMs} / 1000.0)`;
  const { rows } = await db.execute<{ calls: number; from: number; to: number }>(sql`
    select calls, ${epochMs(sql`first_left_at`)} as "from", ${epochMs(sql`left_at`)} as "to"
    from (
      select left_at, (count(*) over last)::int as calls, first_value(left_at) over last as first_left_at
      from cta.ai_calls
      where kind = ${kind} and counted and ${isRecent}
      window last as (
        order by left_at range between make_interval(secs => ${windowMs - 1} / 1000.0) preceding and current row
      )
    ) windows
    order by calls desc, left_at desc limit 1`);
  const [peak] = rows;
  return peak ? { calls: peak.calls, from: toDate(peak.from), to: toDate(peak.to) } : null;
}
