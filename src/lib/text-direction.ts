/** Scripts that are written from right to left, by ISO 15924. */
const RIGHT_TO_LEFT = new Set('Adlm Arab Hebr Mand Mend Nkoo Rohg Samr Syrc Thaa'.split(' '));

/**
 * Which way a language is written, by its script: the one that its tag names, or that it is most often written in (CLDR). Anything
 * that is no language tag is written from left to right.
 */
export function textDirection(tag: string): 'ltr' | 'rtl' {
  try {
    const { script = '' } = new Intl.Locale(tag).maximize();
    return RIGHT_TO_LEFT.has(script) ? 'rtl' : 'ltr';
  } catch {
    return 'ltr';
  }
}
