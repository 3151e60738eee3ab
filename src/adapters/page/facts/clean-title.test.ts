import { expect, test } from 'vitest';
import { cleanTitle } from './clean-title.ts';

test.each([
  ['Red shoe | Shop', 'Red shoe'],
  ['Red shoe - 42 - Shop.com | Free delivery', 'Red shoe - 42'],
  ['Shop | Red shoe', 'Red shoe'],
  ['Red shoe', 'Red shoe'],
  ['Shop', 'Shop'],
  ['Red-shoe of the shop | blue', 'Red-shoe of the shop | blue'],
])('%s', (title, expected) => {
  expect(cleanTitle(title, ['shop', 'test'])).toBe(expected);
});
