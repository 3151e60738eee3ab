import { expect, test } from 'vitest';
import { estimateMarkupSize } from './estimate-markup-size.ts';

const weigh = (html: string) => estimateMarkupSize(Buffer.from(html));

test('counts tags and attributes, but not text', () => {
  expect(weigh('just a text, with spaces')).toBe(0);
  expect(weigh('<p>text of a page</p>')).toBe(2 + 1);
  expect(weigh('<p a=1  b c="2">x')).toBe(1 + 3);
  expect(weigh(`<p ${'a '.repeat(1000)}>`)).toBe(1 + 1001);
});
