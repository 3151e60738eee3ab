import { expect, test } from 'vitest';
import { cacheTextVectors } from './cache-text-vectors.ts';

test('embeds a text once until it is evicted from the cache', async () => {
  const embedded: string[] = [];
  const model = cacheTextVectors(
    {
      async embedText(text) {
        embedded.push(text);
        return Float32Array.of(embedded.length);
      },
      embedImages: async () => [],
    },
    2,
  );
  for (const text of ['a', 'b', 'a', 'c', 'a']) await model.embedText(text);
  expect(embedded).toEqual(['a', 'b', 'c']);
  expect(await model.embedText('a')).toEqual(Float32Array.of(1));
  expect(await model.embedText('b')).toEqual(Float32Array.of(4));
});
