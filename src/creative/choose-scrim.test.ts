import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contrastOf, MIN_CONTRAST } from './choose-colors.ts';
import { chooseScrimOpacity } from './choose-scrim.ts';

const color = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255));
const hex = (channels: readonly number[]) =>
  `#${channels.map((value) => Math.round(value).toString(16).padStart(2, '0')).join('')}`;

test('keeps readable colors readable over every pixel', () => {
  fc.assert(
    fc.property(color, color, color, (surface, text, pixel) => {
      fc.pre(contrastOf(hex(surface), hex(text)) >= MIN_CONTRAST);
      const opacity = chooseScrimOpacity(hex(surface), hex(text));
      const shown = surface.map((value, i) => opacity * value + (1 - opacity) * (pixel[i] ?? 0));
      expect(contrastOf(hex(shown), hex(text))).toBeGreaterThanOrEqual(MIN_CONTRAST);
    }),
    { numRuns: 500 },
  );
});

test('hides no more than necessary, and everything if the colors themselves are hard to read', () => {
  expect(chooseScrimOpacity('#ffffff', '#000000')).toBe(0.8);
  const [light, dark] = [chooseScrimOpacity('#f0b040', '#111111'), chooseScrimOpacity('#8a4b20', '#ffffff')];
  for (const opacity of [light, dark]) {
    expect(opacity).toBeGreaterThanOrEqual(0.8);
    expect(opacity).toBeLessThan(1);
  }
  expect(chooseScrimOpacity('#767676', '#ffffff')).toBe(1);
  expect(chooseScrimOpacity('#ffffff', '#eeeeee')).toBe(1);
});
