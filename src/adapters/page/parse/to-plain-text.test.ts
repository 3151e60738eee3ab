import { expect, test } from 'vitest';
import { toPlainText } from './to-plain-text.ts';

test.each([
  ['  a \n\t b\u00a0c ', 'a b c'],
  ['<p>One</p><p>Two<br>three</p>', 'One Two three'],
  ['foo<b>bar</b>', 'foobar'],
  ['Tom &amp; Jerry', 'Tom & Jerry'],
  ['&lt;p&gt;Nice&lt;/p&gt;', 'Nice'],
  ['a<script>alert(1)</script>b', 'ab'],
  ['5 < 6 and 7 > 6', '5 < 6 and 7 > 6'],
  ['a\0b\u0007c\ud800d', 'abcd'],
  ['soft\u00adhyphen\u200b', 'softhyphen'],
  ['👩\u200d🚀', '👩\u200d🚀'],
])('%j', (value, expected) => {
  expect(toPlainText(value, 100)).toBe(expected);
});

test('truncates without breaking a character, and returns null for no text', () => {
  expect(toPlainText('ab👍', 3)).toBe('ab');
  expect(toPlainText(' \n ', 3)).toBeNull();
});
