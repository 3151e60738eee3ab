import { expect, test } from 'vitest';
import { plainText, webAddress } from './plain-text.ts';

test('drops invisible characters of pasted text before counting', () => {
  expect(plainText(7).parse('Spar\u00adpreis'.slice(0, 8))).toBe('Sparpre');
  expect(plainText(5).parse('\ufeff\u202eCup\u202c\u200b 1')).toBe('Cup 1');
  expect(webAddress().parse('https://shop.example/cup\u200b')).toBe('https://shop.example/cup');
});

test.each([
  ['invisible characters alone', '\u200b\u{e0041}\u3164', 'must not be empty'],
  ['a Braille pattern of no dots', '\u2800', 'must not be empty'],
  ['too many characters', 'abcdefghijk', 'must have at most 10 characters'],
  ['a control character', 'a\u0007', 'must not contain control characters'],
  ['half a surrogate pair', 'a\ud800', 'must not contain control characters'],
])('rejects %s with a reason', (_, text, message) => {
  expect(
    plainText(10)
      .safeParse(text)
      .error?.issues.map((issue) => issue.message),
  ).toContain(message);
});
