import type { Executor } from '../db/client.ts';
import { type PeakWindow, pickFuller, searchWindows, type WindowKind } from './search-windows.ts';
import { loadStoredPeak, storePeakWindow } from './store-peak-window.ts';

/**
 * The window with the most counted calls of a kind that is on record, by when each left; null when there were none. On record
 * is what is on the ledger, and the fullest window of what was deleted from it after it had been looked through
 * (`storePeakWindow`); that one's calls can be counted no more. Goes over what has left since then only, but over the whole
 * ledger the first time that a window of this length is asked for.
 */
export async function findPeakWindow(db: Executor, which: WindowKind): Promise<PeakWindow | null> {
  const kept = (await loadStoredPeak(db, which)) ?? (await storePeakWindow(db, which));
  return pickFuller(kept.worst, await searchWindows(db, which, { from: kept.until, until: null }));
}
