import { Parser } from 'htmlparser2';
import { dropInvisible } from '../../../lib/drop-invisible.ts';

/** Longer input is cut first: no field has more than 2000 characters in the end. */
const MAX_INPUT = 20_000;
/** Only this many times `maxLength` is read: with its markup, a real text is rarely longer. */
const MAX_INPUT_FACTOR = 10;

/** An entity or a tag that still has to be removed. */
const MARKUP = /<[a-z/!?]|&(?:#\d|#x[\da-f]|[a-z]+\d*;)/i;

/** Tags that end a word. Others, such as `<b>`, may be inside a word. */
const BREAKING_TAG =
  /<(?=\/?(?:br|p|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|section|article|blockquote|hr)\b)/gi;

/**
 * Returns a text of the page as plain text: no tags, entities decoded (shops encode up to three
 * times), white space collapsed, no control characters, invisible characters or lone surrogates, at
 * most `maxLength` UTF-16 units. Returns null if the result is empty.
 */
export function toPlainText(value: string, maxLength: number): string | null {
  let text = value
    .slice(0, MAX_INPUT)
    .replace(/\s+/g, ' ')
    .slice(0, maxLength * MAX_INPUT_FACTOR);
  for (let round = 0; round < 3 && MARKUP.test(text); round += 1) text = stripMarkup(text);
  return cut(collapse(text), maxLength) || null;
}

/**
 * Parses tags as a stream: building a tree, as `load` does, takes quadratic time for nested tags.
 */
function stripMarkup(text: string): string {
  let kept = '';
  let hidden = 0;
  const parser = new Parser({
    onopentagname(name) {
      if (WITHOUT_TEXT.has(name)) hidden += 1;
    },
    onclosetag(name) {
      if (WITHOUT_TEXT.has(name)) hidden -= 1;
    },
    ontext(data) {
      if (hidden === 0) kept += data;
    },
  });
  parser.end(text.replace(BREAKING_TAG, ' <'));
  return kept;
}

const WITHOUT_TEXT: ReadonlySet<string> = new Set(['script', 'style', 'template']);

function collapse(text: string): string {
  return dropInvisible(text)
    .replace(/\s+/g, ' ')
    .replace(/\p{Cc}/gu, '')
    .trim();
}

function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  return collapse(text.slice(0, maxLength));
}
