import { LRUCache } from 'lru-cache';
import { findAsset } from '../assets/find-asset.ts';
import type { ApiDeps } from './context.ts';

type Asset = NonNullable<Awaited<ReturnType<typeof findAsset>>>;

const MAX_BYTES = 32 * 1024 * 1024;
/** Larger than any image that is stored now. */
const MAX_ASSET_BYTES = 4 * 1024 * 1024;
/** This process serves a deleted image for at most this long; caches outside may keep it longer. */
const TTL_MS = 30_000;

/** Caches images for a short time, so that repeated requests do not reach the database. */
export interface AssetCache {
  /** Returns undefined if there is no such image. Simultaneous requests share one read. */
  find(key: string): Promise<Asset | undefined>;
}

export function createAssetCache(
  deps: Pick<ApiDeps, 'orm'>,
  { ttlMs = TTL_MS }: { readonly ttlMs?: number } = {},
): AssetCache {
  const cache = new LRUCache<string, Asset>({
    maxSize: MAX_BYTES,
    maxEntrySize: MAX_ASSET_BYTES,
    ttl: ttlMs,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes.length),
    fetchMethod: (key) => findAsset(deps, key),
  });
  return { find: (key) => cache.fetch(key) };
}
