import { and, eq, sql } from 'drizzle-orm';
import type { Executor, Orm } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import { callLimits, worstWindows } from '../db/schema/ai-calls.ts';
import type { CallKind } from './ai-call.ts';
import {
  DEFAULT_WINDOW_MS,
  type PeakWindow,
  pickPeak,
  searchWindows,
  type WindowKind,
} from './search-windows.ts';

/**
 * Rows of calls that left longer ago than this are committed and final: the time when a call left
 * is written in a transaction whose statements time out after half a minute each.
 */
const SETTLED_AFTER_MS = 10 * 60_000;

/** The fullest window whose last call left before `until`. */
export interface StoredPeak {
  readonly peak: PeakWindow | null;
  readonly until: Date;
}

/** Returns the stored peak of a kind and a window length; undefined without one. */
export async function loadStoredPeak(
  db: Executor,
  { kind, windowMs }: WindowKind,
): Promise<StoredPeak | undefined> {
  const [row] = await db
    .select()
    .from(worstWindows)
    .where(and(eq(worstWindows.kind, kind), eq(worstWindows.windowMs, windowMs)));
  if (!row) return undefined;
  const { calls, firstLeftAt, lastLeftAt, until } = row;
  return { peak: firstLeftAt && lastLeftAt && { calls, from: firstLeftAt, to: lastLeftAt }, until };
}

/**
 * Searches the ledger since the last run and stores the fullest window up to some minutes ago, so
 * that a request has to search only those minutes. The stored peak remains when its calls are
 * deleted. Reads the whole ledger for a window length that is requested for the first time. Several
 * processes may run it at the same time.
 */
export async function storePeakWindow(db: Executor, window: WindowKind): Promise<StoredPeak> {
  const kept = await loadStoredPeak(db, window);
  const { rows } = await db.execute<{ until: number }>(sql`
    select ${epochMs(sql`date_trunc('milliseconds', clock_timestamp())`)} - ${SETTLED_AFTER_MS}::int as until`);
  const until = toDate(rows[0]?.until ?? 0);
  // The clock may have been set back since.
  if (kept && kept.until >= until) return kept;
  const recent = await searchWindows(db, window, { from: kept?.until ?? null, until });
  const peak = pickPeak(kept?.peak ?? null, recent);
  const row = {
    calls: peak?.calls ?? 0,
    firstLeftAt: peak?.from ?? null,
    lastLeftAt: peak?.to ?? null,
    until,
  };
  await db
    .insert(worstWindows)
    .values({ ...window, ...row })
    .onConflictDoUpdate({
      target: [worstWindows.kind, worstWindows.windowMs],
      set: row,
      setWhere: sql`${worstWindows.until} < excluded.until`,
    });
  return { peak, until };
}

/** Stores the peaks of the current limits. Must run before old calls are deleted. */
export async function storePeakWindows({ orm }: { orm: Orm }): Promise<void> {
  const limits = await orm.select({ kind: callLimits.kind, windowMs: callLimits.windowMs }).from(callLimits);
  for (const { kind, windowMs } of limits) {
    await storePeakWindow(orm, { kind: kind as CallKind, windowMs: windowMs ?? DEFAULT_WINDOW_MS });
  }
}
