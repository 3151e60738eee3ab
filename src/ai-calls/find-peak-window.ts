import type { Executor } from '../db/client.ts';
import { type PeakWindow, pickPeak, searchWindows, type WindowKind } from './search-windows.ts';
import { loadStoredPeak, storePeakWindow } from './store-peak-window.ts';

/**
 * Returns the window with the most counted calls of a kind, by the time when each call left; null
 * without calls. Combines the stored peak (`storePeakWindow`), whose calls may have been deleted,
 * with the calls on the ledger since then. Reads the whole ledger for a window length that is
 * requested for the first time.
 */
export async function findPeakWindow(db: Executor, window: WindowKind): Promise<PeakWindow | null> {
  const stored = (await loadStoredPeak(db, window)) ?? (await storePeakWindow(db, window));
  return pickPeak(stored.peak, await searchWindows(db, window, { from: stored.until, until: null }));
}
