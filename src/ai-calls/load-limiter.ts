import { sql } from 'drizzle-orm';
import type { Executor } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import type { CallKind } from './ai-call.ts';
import { SLOT_GUARD_MS } from './lock-slots.ts';

/** The state of one kind of call. All times are from the database's clock. */
export interface KindState {
  readonly kind: CallKind;
  /** The setting: `20/m`, or `off`. */
  readonly rate: string;
  /** Null means no limit. */
  readonly maxCalls: number | null;
  readonly windowMs: number | null;
  /**
   * When each taken slot opens again, the earliest first. For a request that has not left yet, the
   * earliest possible time.
   */
  readonly takenUntil: readonly Date[];
  /** Until when the provider asked us to wait; null if that is over. */
  readonly pausedUntil: Date | null;
  /** Since when the breaker is open, why, and when the next call is let through. */
  readonly failing: { readonly since: Date; readonly code: string; readonly probeAfter: Date } | null;
  /** The median duration of the latest answered calls, in milliseconds; null if there are none. */
  readonly typicalMs: number | null;
}

/** The state of the limiter at one moment, for display. */
export interface LimiterState {
  readonly now: Date;
  readonly kinds: readonly KindState[];
}

/** How many of the latest answers give the typical duration. */
const SAMPLE = 20;

/** Loads the state of the limiter without a lock: a claim at the same time may outdate it. */
export async function loadLimiter(db: Executor): Promise<LimiterState> {
  const guarded = sql`make_interval(secs => (l.window_ms + ${SLOT_GUARD_MS}) / 1000.0)`;
  const { rows } = await db.execute<{
    now: number;
    kind: CallKind;
    rate: string;
    max_calls: number | null;
    window_ms: number | null;
    paused_until: number | null;
    failing_since: number | null;
    failing_code: string | null;
    probe_after: number | null;
    taken_until: number[] | null;
    typical_ms: number | null;
  }>(sql`
    select
      ${epochMs(sql`statement_timestamp()`)} as now, l.kind, l.rate, l.max_calls, l.window_ms, l.failing_code,
      ${epochMs(sql`l.failing_since`)} as failing_since, ${epochMs(sql`l.probe_after`)} as probe_after,
      case when l.paused_until > statement_timestamp() then ${epochMs(sql`l.paused_until`)} end as paused_until,
      (
        select array_agg(${epochMs(sql`coalesce(c.left_at, statement_timestamp()) + ${guarded}`)})
        from cta.ai_calls c
        where l.max_calls is not null and c.kind = l.kind and c.counted
          and ((c.left_at is null and c.status = 'sent') or c.left_at > statement_timestamp() - ${guarded})
      ) as taken_until,
      (
        select percentile_cont(0.5) within group (order by extract(epoch from latest.ended_at - latest.began_at) * 1000)
        from (
          -- left_at is recorded only for calls under a limit.
          select case when c.counted then c.left_at else c.claimed_at end as began_at, c.ended_at from cta.ai_calls c
          where c.kind = l.kind and c.status = 'answered'
          order by c.ended_at desc limit ${SAMPLE}
        ) latest
      )::float8 as typical_ms
    from cta.call_limits l
    order by l.kind`);
  const kinds = rows.map((row) => ({
    kind: row.kind,
    rate: row.rate,
    maxCalls: row.max_calls,
    windowMs: row.window_ms,
    takenUntil: (row.taken_until ?? []).toSorted((a, b) => a - b).map((ms) => new Date(ms)),
    pausedUntil: toDate(row.paused_until),
    failing:
      row.failing_since === null
        ? null
        : {
            since: toDate(row.failing_since),
            code: row.failing_code ?? 'internal',
            probeAfter: toDate(row.probe_after ?? row.now),
          },
    typicalMs: row.typical_ms,
  }));
  return { now: toDate(rows[0]?.now ?? Date.now()), kinds };
}
