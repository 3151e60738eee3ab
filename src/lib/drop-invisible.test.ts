import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dropInvisible } from './drop-invisible.ts';

test.each([
  ['Unicode tags', 'a\u{e0041}\u{e0062}\u{e007f}b'],
  ['a soft hyphen', 'a\u00adb'],
  ['zero-width characters', 'a\u200b\u2060\ufeffb'],
  ['joiners between Latin letters', 'a\u200c\u200db'],
  ['direction marks', 'a\u200e\u200f\u061cb'],
  [
    'direction embeddings, overrides and isolates',
    'a\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069b',
  ],
  ['variation selectors behind a letter', 'a\ufe00\ufe0f\u{e0100}\u{e01ef}b'],
  ['fillers and grapheme joiners', 'a\u115f\u1160\u3164\uffa0\u034f\u17b4b'],
  ['invisible operators and annotations', 'a\u2061\u2064\ufff9\ufffbb'],
  ['private use', 'a\ue000\uf8ff\u{f0000}\u{10fffd}b'],
  ['half surrogate pairs', 'a\udc00\ud83db\udfff'],
  ['noncharacters', 'a\ufdd0\uffff\u{1fffe}b'],
])('drops %s', (_, text) => {
  expect(dropInvisible(text)).toBe('ab');
});

test.each([
  ['emoji of several people', '👩\u200d👩\u200d👧 👩🏽\u200d🚀 🏳\ufe0f\u200d🌈 ❤\ufe0f\u200d🔥'],
  ['emoji and text presentation', '❤\ufe0f ©\ufe0e'],
  ['keycaps', '1\ufe0f\u20e3 #\ufe0f\u20e3'],
  ['flags of countries', '🇩🇪'],
  ['the flag of Scotland', '🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}'],
  ['Persian', 'می\u200cخواهم'],
  ['Hindi', 'क्\u200dष क्\u200cष'],
  ['Mongolian', 'ᠠ\u180b'],
  ['number signs of Arabic', '\u0600\u06dd'],
  ['white space and control characters', 'a\n\t\u00a0\u0007b'],
])('keeps %s', (_, text) => {
  expect(dropInvisible(text)).toBe(text);
});

test.each([
  ['a flag that spells something else', '🏴\u{e0068}\u{e0069}\u{e007f}', '🏴'],
  ['a keycap without its end', '1\ufe0f', '1'],
  ['a joiner behind an emoji', '👩\u200d', '👩'],
  ['joiners that say nothing more', 'می\u200c\u200c\u200cخ', 'می\u200cخ'],
])('keeps only the visible characters of %s', (_, text, seen) => {
  expect(dropInvisible(text)).toBe(seen);
});

test('changes nothing when applied again', () => {
  const unit = fc.constantFrom(
    'a',
    '1',
    'م',
    'क',
    '👩',
    '🏴',
    '\u200d',
    '\u200c',
    '\ufe0f',
    '\u20e3',
    '\ud83d',
    '\udc69',
    '\u{e0067}',
    '\u{e007f}',
    '\u180b',
    '\u00ad',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 12 }), (text) => {
      const once = dropInvisible(text);
      expect(dropInvisible(once)).toBe(once);
      expect(once.isWellFormed()).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
