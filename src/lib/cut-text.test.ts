import { expect, test } from 'vitest';
import { cutText } from './cut-text.ts';

test.each([
  ['Short enough', 20, 'Short enough'],
  ['Cut behind a whole word, please', 24, 'Cut behind a whole word…'],
  ['Cut behind a whole word, please', 23, 'Cut behind a whole…'],
  ['Donaudampfschifffahrt', 10, 'Donaudamp…'],
  ['🙂🙂🙂', 4, '🙂…'],
  ['', 10, ''],
])('cuts %j at %i to %j', (text, limit, cut) => {
  expect(cutText(text, limit)).toBe(cut);
  expect(cut.length).toBeLessThanOrEqual(limit);
});

test('finds words that are not separated by spaces', () => {
  expect(cutText('今日はとても良い天気ですね', 8, 'ja')).toMatch(/^今日は.*…$/);
});
