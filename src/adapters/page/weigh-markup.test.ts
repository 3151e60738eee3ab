import { expect, test } from 'vitest';
import { weighMarkup } from './weigh-markup.ts';

const weigh = (html: string) => weighMarkup(Buffer.from(html));

test('tags and attributes count, text does not', () => {
  expect(weigh('just a text, with spaces')).toBe(0);
  expect(weigh('<p>text of a page</p>')).toBe(2 + 1);
  expect(weigh('<p a=1  b c="2">x')).toBe(1 + 3);
  expect(weigh(`<p ${'a '.repeat(999)}>`)).toBe(1 + 1000);
});

test('a tag of thousands of attributes weighs more than they would in many tags', () => {
  expect(weigh(`<p ${'a '.repeat(30_000)}>`)).toBeGreaterThan(450_000);
  expect(weigh(`<p ${'a '.repeat(300)}>`.repeat(100))).toBeLessThan(31_000);
});
