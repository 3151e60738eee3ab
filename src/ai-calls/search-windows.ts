import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import type { CallKind } from './ai-call.ts';

/** The window length while there is no limit. */
export const DEFAULT_WINDOW_MS = 60_000;

/** A kind of call, and the length of a window in milliseconds. */
export interface WindowKind {
  readonly kind: CallKind;
  readonly windowMs: number;
}

/** The window with the most calls. */
export interface PeakWindow {
  readonly calls: number;
  /** When the first and the last of its calls left. */
  readonly from: Date;
  readonly to: Date;
}

/**
 * Returns the fullest window on the ledger, by the time when each counted call left, whose last
 * call left at or after `from` and before `until` (null for no bound); null without calls. Calls
 * before `from` count if they are in such a window. Of equally full windows, returns the last one.
 * A window is half open: two calls that are exactly `windowMs` apart are not in the same one.
 */
export async function searchWindows(
  db: Executor,
  { kind, windowMs }: WindowKind,
  { from, until }: { from: Date | null; until: Date | null },
): Promise<PeakWindow | null> {
  const after = from && new Date(from.getTime() - windowMs);
  const { rows } = await db.execute<{ calls: number; from: number; to: number }>(sql`
    select calls, ${epochMs(sql`first_left_at`)} as "from", ${epochMs(sql`left_at`)} as "to"
    from (
      select left_at, (count(*) over last)::int as calls, first_value(left_at) over last as first_left_at
      from cta.ai_calls
      where kind = ${kind} and counted and left_at is not null
        ${after ? sql`and left_at > ${after.toISOString()}::timestamptz` : sql``}
        ${until ? sql`and left_at < ${until.toISOString()}::timestamptz` : sql``}
      window last as (
        order by left_at range between make_interval(secs => ${windowMs - 1} / 1000.0) preceding and current row
      )
    ) windows
    ${from ? sql`where left_at >= ${from.toISOString()}::timestamptz` : sql``}
    order by calls desc, left_at desc limit 1`);
  const [worst] = rows;
  return worst ? { calls: worst.calls, from: toDate(worst.from), to: toDate(worst.to) } : null;
}

/** Returns the fuller of two windows; the later one if both are equally full. */
export function pickPeak(earlier: PeakWindow | null, later: PeakWindow | null): PeakWindow | null {
  if (!earlier || !later) return earlier ?? later;
  return later.calls >= earlier.calls ? later : earlier;
}
