import { dropInvisible } from '../../lib/drop-invisible.ts';

/** Only this many times `limit` is read: with its markup, a real text is rarely longer. */
const MAX_INPUT_FACTOR = 10;
/** Removing a tag can create another one ("<<b>script>"). Real texts need one or two rounds. */
const MAX_ROUNDS = 3;

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'", nbsp: ' ' };

/** Elements whose content is not text. */
const HIDDEN = /^(script|style)\b/i;
/**
 * If one of these tags has no ">", the rest of the text is removed, as in browsers. Before any
 * other name, "<" may mean "less than".
 */
const OPEN_TAG =
  /^\/?(?:a|b|i|p|br|em|div|span|strong|script|style|iframe|img|svg|object|embed|link|meta|video|audio)\b/i;

/**
 * Returns the text of a model or a page as plain text: entities decoded, tags and scripts removed,
 * white space collapsed, no control characters, invisible characters or lone surrogates (PostgreSQL
 * refuses some of them). No remaining "<" begins a tag.
 * Takes linear time and reads at most ten times `limit` characters. The result may be longer than
 * `limit`.
 */
export function cleanText(text: string, limit: number): string {
  let clean = dropInvisible(text.slice(0, limit * MAX_INPUT_FACTOR));
  for (let round = 0, before = ''; round < MAX_ROUNDS && before !== clean; round += 1) {
    before = clean;
    clean = dropMarkup(decodeEntities(clean));
  }
  // Only a hostile text, nested deeper than the rounds, still has markup here.
  clean = clean.replace(/(?<!<)<+(?=[a-z/!?])/gi, '');
  return clean.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

function decodeEntities(text: string): string {
  return text
    .replace(/&(?:amp;)+/gi, '&')
    .replace(/&(lt|gt|quot|apos|#39|nbsp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? '');
}

/** Removes markup in one pass. A missing end is searched for only once, so the time is linear. */
function dropMarkup(text: string): string {
  const findEnd = makeEndFinder(text);
  const kept: string[] = [];
  let from = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', Math.max(at + 1, from))) {
    const end = findMarkupEnd(text, at, findEnd);
    if (end === undefined) continue;
    kept.push(text.slice(from, at));
    from = end;
  }
  kept.push(text.slice(from));
  return kept.join('');
}

/** Returns the end of the markup at `at`, or undefined if the "<" there does not begin markup. */
function findMarkupEnd(text: string, at: number, findEnd: EndFinder): number | undefined {
  if (!/[a-z/!?]/i.test(text.charAt(at + 1))) return undefined;
  if (text.startsWith('!--', at + 1)) return findEnd('comment', at + 2) ?? text.length;
  BRACKET.lastIndex = at + 1;
  const bracket = BRACKET.exec(text);
  const name = text.slice(at + 1, at + 12);
  if (bracket === null) return OPEN_TAG.test(name) ? text.length : undefined;
  if (bracket[0] === '<') return undefined;
  const end = bracket.index + 1;
  const hidden = HIDDEN.exec(name)?.[1]?.toLowerCase();
  return hidden === 'script' || hidden === 'style' ? (findEnd(hidden, end) ?? end) : end;
}

const BRACKET = /[<>]/g;
const CLOSING = { comment: /-->/g, script: /<\/script\s*>/gi, style: /<\/style\s*>/gi };
type EndFinder = (kind: keyof typeof CLOSING, from: number) => number | undefined;

function makeEndFinder(text: string): EndFinder {
  const missing = new Set<string>();
  return (kind, from) => {
    const pattern = CLOSING[kind];
    pattern.lastIndex = from;
    if (!missing.has(kind) && pattern.test(text)) return pattern.lastIndex;
    missing.add(kind);
    return undefined;
  };
}
