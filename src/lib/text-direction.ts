/** Scripts written from right to left (ISO 15924 codes). */
const RIGHT_TO_LEFT = new Set('Adlm Arab Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa'.split(' '));

/**
 * Returns the writing direction of a language. Its script decides: the one in its tag, or its most
 * likely one (CLDR). Returns `ltr` for a text that is not a language tag.
 */
export function textDirection(tag: string): 'ltr' | 'rtl' {
  try {
    const { script = '' } = new Intl.Locale(tag).maximize();
    return RIGHT_TO_LEFT.has(script) ? 'rtl' : 'ltr';
  } catch {
    return 'ltr';
  }
}
