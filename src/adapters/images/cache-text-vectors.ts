import { LRUCache } from 'lru-cache';
import type { ClipModel } from './clip-model.ts';

/**
 * Wraps a model in a cache of the vectors of the `max` texts used last. A vector takes 2 to 4 KB.
 */
export function cacheTextVectors(model: ClipModel, max = 1000): ClipModel {
  const cache = new LRUCache<string, Float32Array>({ max });
  return {
    ...model,
    async embedText(text) {
      const vector = cache.get(text) ?? (await model.embedText(text));
      cache.set(text, vector);
      return vector;
    },
  };
}
