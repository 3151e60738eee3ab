import { z } from 'zod';
import { dropInvisible } from './drop-invisible.ts';

// PostgreSQL cannot store NUL or half a surrogate pair, and no other control character belongs in a text.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;
/** Letters, numbers, punctuation, symbols: a text without any looks empty. The Braille pattern of no dots is a symbol. */
const VISIBLE = /[[\p{L}\p{N}\p{P}\p{S}]--\u2800]/v;

/**
 * A text of 1 to `max` characters (code points) that can be stored and shown: no control characters, well formed.
 * Invisible characters are dropped without an error, since they come along when people paste from a web page.
 */
export function plainText(max: number) {
  return z
    .string()
    .refine((text) => text.isWellFormed() && !CONTROL.test(text), {
      error: 'must not hold control characters',
    })
    .overwrite(dropInvisible)
    .refine((text) => VISIBLE.test(text), { error: 'must not be empty' })
    .refine((text) => [...text].length <= max, { error: `must have at most ${max} characters` });
}

/** The longest address that is taken in or stored, in characters. */
export const MAX_URL_LENGTH = 2048;

/**
 * An absolute http(s) address without white space, control characters, user name and password. Invisible
 * characters are dropped as in `plainText`. Whether it may be fetched is not checked here.
 */
export function webAddress() {
  return z
    .string()
    .overwrite((url) => (url.isWellFormed() ? dropInvisible(url) : url))
    .max(MAX_URL_LENGTH, { error: `must have at most ${MAX_URL_LENGTH} characters` })
    .refine((url) => !/[\s\p{Cc}]/u.test(url) && url.isWellFormed(), {
      error: 'must not hold white space or control characters',
    })
    .refine((url) => /^https?:\/\/[^/]/i.test(url) && URL.canParse(url), {
      error: 'must be an absolute http or https address, such as https://shop.example/product',
    })
    .refine((url) => !hasCredentials(url), { error: 'must not have a user name or password' });
}

/** `https://user:word@host/` would show the word to others, and `https://a.example@b.example/` leads to b. */
function hasCredentials(url: string): boolean {
  const parsed = URL.parse(url);
  // An empty user name is dropped when the address is parsed.
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
