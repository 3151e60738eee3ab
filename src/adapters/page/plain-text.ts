import { Parser } from 'htmlparser2';
import { dropInvisible } from '../../lib/drop-invisible.ts';

/** Longer input is cut before anything else: no field keeps more than 2000 characters. */
const MAX_INPUT = 20_000;
/** Input is cut to so many times what is kept before it is parsed: markup is not ten times its text. */
const ROOM_FOR_MARKUP = 10;

/** An entity or a tag that is still to be undone. */
const MARKUP = /<[a-z/!?]|&(?:#\d|#x[\da-f]|[a-z]+\d*;)/i;

/** Tags that end a word. Others, such as `<b>`, may stand within one. */
const BREAKING_TAG =
  /<(?=\/?(?:br|p|div|li|ul|ol|dl|dt|dd|h[1-6]|tr|td|th|table|section|article|blockquote|hr)\b)/gi;

/**
 * A text of the page as plain text: no tags, entities undone (shops encode up to three times), white space collapsed,
 * no control or invisible characters or lone surrogates, at most `maxLength` UTF-16 units. Null when nothing is left.
 */
export function plainText(value: string, maxLength: number): string | null {
  let text = value
    .slice(0, MAX_INPUT)
    .replace(/\s+/g, ' ')
    .slice(0, maxLength * ROOM_FOR_MARKUP);
  for (let round = 0; round < 3 && MARKUP.test(text); round += 1) text = stripMarkup(text);
  return cut(collapse(text), maxLength) || null;
}

/** Reads tags as they come: building a tree, as `load` does, takes quadratic time when they nest. */
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
