import { expect, test } from 'vitest';
import { hasWordPair } from './has-word-pair.ts';

test.each([
  ['product-image', true],
  ['a product__main-photo b', true],
  ['productphoto', true],
  ['product image', false],
  ['image-product', false],
  ['product:image', false],
])('%s: %s', (names, has) => {
  expect(hasWordPair(names, [[/product/, /image|photo/]])).toBe(has);
});
