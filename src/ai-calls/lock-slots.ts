import { sql } from 'drizzle-orm';
import type { Tx } from '../db/client.ts';
import { prepareSql } from '../db/prepare-sql.ts';
import type { CallKind } from './ai-call.ts';
import { closeBreakers } from './close-breakers.ts';
import { type LimitLock, lockLimit } from './limit-lock.ts';

/**
 * Added to the window before a slot is free again. `left_at` is when the request left this machine;
 * the provider counts it when it has read it. The guard covers that difference and the rounding of
 * clocks.
 */
export const SLOT_GUARD_MS = 500;

/** The slots of one kind of call. */
export interface AvailableSlots {
  readonly kind: CallKind;
  /** Calls that may start now; infinite if there is no limit. */
  readonly free: number;
  /** Whether a limit is in force, so that calls take slots. */
  readonly isLimited: boolean;
  /**
   * Whether the breaker is open. A call is then a probe, and only one at a time runs over all
   * failing kinds.
   */
  readonly isFailing: boolean;
  /**
   * Milliseconds until the next slot opens, a pause ends or a probe is due; null if there is
   * nothing to wait for.
   */
  readonly waitMs: number | null;
}

/** The slots of every kind of call. */
export type LockedSlots = Record<CallKind, AvailableSlots> & {
  readonly lock: LimitLock;
  /** The kinds whose breakers have just closed. */
  readonly recovered: readonly CallKind[];
};

const countSlots = prepareSql<{
  kind: CallKind;
  is_limited: boolean;
  is_failing: boolean;
  free: number | null;
  wait_ms: number | null;
}>(
  'count_slots',
  sql`
    select
      l.kind,
      l.max_calls is not null as is_limited,
      l.failing_since is not null as is_failing,
      case
        when l.paused_until > clock_timestamp() or l.probe_after > clock_timestamp() then 0
        when l.probe_after is not null then least(l.max_calls - taken.calls, 1)
        else l.max_calls - taken.calls
      end::int as free,
      -- Pause and probe must both be over, and the first slot must be free.
      ceil(extract(epoch from greatest(
        case when l.paused_until > clock_timestamp() then l.paused_until end,
        case when l.probe_after > clock_timestamp() then l.probe_after end,
        case when taken.calls >= l.max_calls
          then taken.oldest_left + make_interval(secs => (l.window_ms + ${sql.raw(String(SLOT_GUARD_MS))}) / 1000.0) end
      ) - clock_timestamp()) * 1000)::float8 as wait_ms
    from cta.call_limits l
    cross join lateral (
      select count(*)::int as calls, min(c.left_at) as oldest_left
      from cta.ai_calls c
      where l.max_calls is not null and c.kind = l.kind and c.counted
        and (
          (c.left_at is null and c.status = 'sent')
          or c.left_at > statement_timestamp() - make_interval(secs => (l.window_ms + ${sql.raw(String(SLOT_GUARD_MS))}) / 1000.0)
        )
    ) taken
    order by l.kind`,
);

/**
 * Locks the limit until the caller's transaction ends, and counts the free slots of each kind by
 * the database's clock. Claims of all processes run one after another, so each counts the calls of
 * all earlier ones.
 *
 * A slot is taken from the claim on. It is free again a window and a guard after the request left,
 * or at once if the call ended without leaving. `left_at` of a call whose worker died is the time
 * when its death was noticed.
 */
export async function lockSlots(tx: Tx): Promise<LockedSlots> {
  // The lock comes first: in read committed, a statement sees everything that was committed before
  // it began. The window counts from the start of the statement: a constant, so the index can be
  // used.
  const { lock, isFailing } = await lockLimit(tx);
  const recovered = isFailing ? await closeBreakers(lock) : [];
  const rows = await countSlots(tx, {});
  const toSlots = (kind: CallKind): AvailableSlots => {
    const row = rows.find((r) => r.kind === kind);
    // No row: no worker has started yet, so no limit is in force and nothing may start.
    if (!row) return { kind, free: 0, isLimited: true, isFailing: false, waitMs: null };
    return {
      kind,
      free: Math.max(row.free ?? Number.POSITIVE_INFINITY, 0),
      isLimited: row.is_limited,
      isFailing: row.is_failing,
      waitMs: row.wait_ms === null ? null : Math.max(row.wait_ms, 1),
    };
  };
  return { text: toSlots('text'), image: toSlots('image'), lock, recovered };
}
