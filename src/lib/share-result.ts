import { LRUCache } from 'lru-cache';
import { unlessAborted } from './unless-aborted.ts';

/**
 * Makes a single-flight cache of one result. Callers share the running `load` and its result or
 * error, until `ttlMs` after it ended. A caller waits for at most `timeoutMs`; `load` then
 * continues, and until it ends no other one starts.
 */
export function shareResult<T>(
  load: () => Promise<T>,
  { ttlMs, timeoutMs }: { readonly ttlMs: number; readonly timeoutMs: number },
): () => Promise<T> {
  const cache = new LRUCache<'result', PromiseSettledResult<T>>({
    max: 1,
    ttl: ttlMs,
    fetchMethod: async () => (await Promise.allSettled([load()]))[0],
  });
  return async () => {
    const result = await unlessAborted(cache.forceFetch('result'), AbortSignal.timeout(timeoutMs));
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  };
}
