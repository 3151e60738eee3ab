import { load } from 'cheerio';

/** Longer input is cut first: no field keeps more than 2000 characters, and markup is not ten times its text. */
const MAX_INPUT = 20_000;

/** An entity or a tag that is still to be undone. */
const MARKUP = /<[a-z/!?]|&(?:#\d|#x[\da-f]|[a-z]+\d*;)/i;

/** Tags that end a word. Others, such as `<b>`, may stand within one. */
const BREAKING_TAG =
  /<(?=\/?(?:br|p|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|section|article|blockquote|hr)\b)/gi;

/** Soft hyphens, zero-width spaces and marks that turn the direction of writing. Joiners stay: emoji and Persian need them. */
const INVISIBLE = /[\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]/g;

/**
 * A text of the page as plain text: no tags, entities undone (shops encode up to three times), white space collapsed,
 * no control characters or lone surrogates, at most `maxLength` UTF-16 units. Null when nothing is left.
 */
export function plainText(value: string, maxLength: number): string | null {
  let text = value.slice(0, MAX_INPUT);
  for (let round = 0; round < 3 && MARKUP.test(text); round += 1) text = stripMarkup(text);
  return cut(collapse(text), maxLength) || null;
}

function stripMarkup(text: string): string {
  const $ = load(text.replace(BREAKING_TAG, ' <'), null, false);
  $('script, style, template').remove();
  return $.root().text();
}

function collapse(text: string): string {
  return text
    .replace(INVISIBLE, '')
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Surrogate}\p{Noncharacter_Code_Point}]/gu, '')
    .trim();
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return collapse(text.slice(0, maxLength));
}
