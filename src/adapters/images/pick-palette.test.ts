import { expect, test } from 'vitest';
import { pickPalette } from './pick-palette.ts';

function pixels(...runs: [number, number[]][]): Uint8Array {
  return Uint8Array.from(runs.flatMap(([count, color]) => Array.from({ length: count }, () => color).flat()));
}

test('orders colors by use, and counts similar shades as one', () => {
  const white = [250, 250, 250];
  const data = pixels([60, white], [5, [235, 235, 238]], [30, [200, 30, 40]], [10, [20, 30, 160]]);
  expect(pickPalette(data, 3)).toEqual(['#fafafa', '#c81e28', '#141ea0']);
});

test('returns three to five colors', () => {
  const many = pixels(
    ...Array.from({ length: 8 }, (_, i) => [10, [i * 36, 255 - i * 36, (i % 3) * 120]] as [number, number[]]),
  );
  expect(pickPalette(many, 3)).toHaveLength(5);
  expect(pickPalette(pixels([9, [100, 100, 100]]), 3)).toEqual(['#646464', '#323232', '#c1c1c1']);
  expect(pickPalette(new Uint8Array(), 3)).toHaveLength(3);
});

test('reads gray and transparent pixels', () => {
  expect(pickPalette(Uint8Array.from([0, 0, 255]), 1)[0]).toBe('#000000');
  expect(pickPalette(Uint8Array.from([255, 0, 0, 128]), 4)[0]).toBe('#ff0000');
});
