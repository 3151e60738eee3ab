import { z } from 'zod';
import { dropInvisible } from './drop-invisible.ts';

// PostgreSQL cannot store NUL or a lone surrogate, and a text needs no other control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
/**
 * Letters, numbers, punctuation and symbols. A text without any of them looks empty. The Braille
 * pattern without dots (U+2800) is a symbol.
 */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--\u2800]/v;

/**
 * A text of 1 to `max` characters (code points) that can be stored and shown: well formed and
 * without control characters. Drops invisible characters without an error: people paste them from
 * web pages.
 */
export function plainText(max: number) {
  return z
    .string()
    .refine((text) => text.isWellFormed() && !CONTROL.test(text), {
      error: 'must not contain control characters',
    })
    .overwrite(dropInvisible)
    .refine((text) => VISIBLE.test(text), { error: 'must not be empty' })
    .refine((text) => [...text].length <= max, { error: `must have at most ${max} characters` });
}

/** Maximum length of an address that is accepted or stored, in characters. */
export const MAX_URL_LENGTH = 2048;

/**
 * An absolute http(s) address without white space, control characters, user name and password.
 * Drops invisible characters as `plainText` does. The caller must check whether it may be fetched.
 */
export function webAddress() {
  return z
    .string()
    .overwrite((url) => (url.isWellFormed() ? dropInvisible(url) : url))
    .max(MAX_URL_LENGTH, { error: `must have at most ${MAX_URL_LENGTH} characters` })
    .refine((url) => !/[\s\p{Cc}]/u.test(url) && url.isWellFormed(), {
      error: 'must not contain white space or control characters',
    })
    .refine((url) => /^https?:\/\/[^/]/i.test(url) && URL.canParse(url), {
      error: 'must be an absolute http or https address, such as https://shop.example/product',
    })
    .refine((url) => !hasCredentials(url), { error: 'must not have a user name or password' });
}

/**
 * `https://user:word@host/` would reveal the word, and `https://a.example@b.example/` leads to
 * b.example.
 */
function hasCredentials(url: string): boolean {
  const parsed = URL.parse(url);
  // The parser drops an empty user name, so the text is checked too.
  return (
    parsed !== null &&
    (parsed.username !== '' || parsed.password !== '' || /^[a-z]+:[/\\]*[^/\\?#]*@/i.test(url))
  );
}

/** A language tag (BCP 47), such as `en` or `de-AT`. */
export function languageTag() {
  return z
    .string()
    .max(35, { error: 'must have at most 35 characters' })
    .refine((tag) => isLanguageTag(tag), { error: 'must be a language tag such as en or de-AT' });
}

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
