import { and, eq, sql } from 'drizzle-orm';
import type { Executor, Orm } from '../db/client.ts';
import { epochMs, toDate } from '../db/epoch-ms.ts';
import { callLimits, worstWindows } from '../db/schema/ai-calls.ts';
import type { CallKind } from './ai-call.ts';
import {
  DEFAULT_WINDOW_MS,
  type PeakWindow,
  pickFuller,
  searchWindows,
  type WindowKind,
} from './search-windows.ts';

/**
 * What left longer ago than this is on the ledger for all to see, and nothing is added to it any more: the moment at which a
 * call left is written within a transaction that a time-out of half a minute for each statement has ended long before.
 */
const SETTLED_AFTER_MS = 10 * 60_000;

/** The fullest window of those whose last call left before `until`. */
export interface StoredPeak {
  readonly worst: PeakWindow | null;
  readonly until: Date;
}

/** What is kept for a kind and a window; undefined if nothing is. */
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
  return { worst: firstLeftAt && lastLeftAt && { calls, from: firstLeftAt, to: lastLeftAt }, until };
}

/**
 * Looks through what has come to the ledger since the last time and keeps the fullest window up to some minutes ago, so that
 * a look at the record goes over those minutes only. What is kept stays when its calls are deleted. Goes over the whole ledger
 * the first time that a window of this length is asked for. Safe to run at once with itself.
 */
export async function storePeakWindow(db: Executor, which: WindowKind): Promise<StoredPeak> {
  const kept = await loadStoredPeak(db, which);
  const { rows } = await db.execute<{ until: number }>(sql`
    select ${epochMs(sql`date_trunc('milliseconds', clock_timestamp())`)} - ${SETTLED_AFTER_MS}::int as until`);
  const until = toDate(rows[0]?.until ?? 0);
  // The clock may have been set back.
  if (kept && kept.until >= until) return kept;
  const found = await searchWindows(db, which, { from: kept?.until ?? null, until });
  const worst = pickFuller(kept?.worst ?? null, found);
  const row = {
    calls: worst?.calls ?? 0,
    firstLeftAt: worst?.from ?? null,
    lastLeftAt: worst?.to ?? null,
    until,
  };
  await db
    .insert(worstWindows)
    .values({ ...which, ...row })
    .onConflictDoUpdate({
      target: [worstWindows.kind, worstWindows.windowMs],
      set: row,
      setWhere: sql`${worstWindows.until} < excluded.until`,
    });
  return { worst, until };
}

/** Keeps the fullest windows of the limits in force: before old calls are deleted, and so that looks stay cheap. */
export async function storePeakWindows({ orm }: { orm: Orm }): Promise<void> {
  const limits = await orm.select({ kind: callLimits.kind, windowMs: callLimits.windowMs }).from(callLimits);
  for (const { kind, windowMs } of limits) {
    await storePeakWindow(orm, { kind: kind as CallKind, windowMs: windowMs ?? DEFAULT_WINDOW_MS });
  }
}
