import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import type { CallKind } from './ai-call.ts';

/**
 * Added to the window before a slot is free again. `left_at` says when the request left this machine; the
 * provider counts when it has read it. The guard covers that difference and the rounding of clocks.
 */
export const SLOT_GUARD_MS = 500;

/** What one kind of call may do now. */
export interface Stock {
  readonly kind: CallKind;
  /** Calls that may start now; null when there is no limit. */
  readonly free: number | null;
  /** Until the next slot opens or a pause ends, in milliseconds; null if nothing is known to wait for. */
  readonly waitMs: number | null;
  /** The largest fair tag that has started. */
  readonly virtualTag: number;
}

/**
 * Counts the free slots of each kind by the database's clock, and locks the limit until the caller's transaction
 * ends: claims of all processes happen one after another, so none counts without seeing the other's calls.
 *
 * A slot is taken from the claim on. It is free again a window and a guard after the request had left; at once if
 * the call ended without having left. A call whose owner died has its `left_at` set to when that was noticed.
 */
export async function takeStock(tx: Tx): Promise<Record<CallKind, Stock>> {
  // Lock first, count after: in read committed, a statement sees what was committed before it began. The window is
  // counted from the statement's start, a constant that an index can be asked with.
  await tx.execute(sql`select 1 from cta.call_limits order by kind for update`);
  const { rows } = await tx.execute<{
    kind: CallKind;
    free: number | null;
    wait_ms: number | null;
    virtual_tag: number;
  }>(sql`
    select
      l.kind,
      l.virtual_tag,
      case
        when l.paused_until > clock_timestamp() then 0
        when l.max_calls is null then null
        else greatest(l.max_calls - taken.calls, 0)
      end::int as free,
      ceil(extract(epoch from case
        when l.paused_until > clock_timestamp() then l.paused_until
        else taken.oldest_left + make_interval(secs => (l.window_ms + ${SLOT_GUARD_MS}) / 1000.0)
      end - clock_timestamp()) * 1000)::float8 as wait_ms
    from cta.call_limits l
    cross join lateral (
      select count(*)::int as calls, min(c.left_at) as oldest_left
      from cta.ai_calls c
      where l.max_calls is not null and c.kind = l.kind and c.counted
        and (
          (c.left_at is null and c.status = 'sent')
          or c.left_at > statement_timestamp() - make_interval(secs => (l.window_ms + ${SLOT_GUARD_MS}) / 1000.0)
        )
    ) taken
    order by l.kind`);
  const stock = (kind: CallKind): Stock => {
    const row = rows.find((r) => r.kind === kind);
    // No row: no worker has started yet, so no limit is in force and nothing may start.
    if (!row) return { kind, free: 0, waitMs: null, virtualTag: 0 };
    const waitMs = row.wait_ms === null ? null : Math.max(row.wait_ms, 1);
    return { kind, free: row.free, waitMs, virtualTag: row.virtual_tag };
  };
  return { text: stock('text'), image: stock('image') };
}
