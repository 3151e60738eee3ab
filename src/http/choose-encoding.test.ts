import { expect, test } from 'vitest';
import { chooseEncoding } from './choose-encoding.ts';

test.each([
  [undefined, undefined],
  ['', undefined],
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['*', 'br'],
  ['br;q=0, *', 'gzip'],
  ['*;q=0', undefined],
  ['identity', undefined],
  ['br;q=x', undefined],
  ['deflate, zstd', undefined],
  [`${'a,'.repeat(10_000)}gzip`, undefined],
])('Accept-Encoding %s: %s', (header, expected) => {
  expect(chooseEncoding(header)).toBe(expected);
});
