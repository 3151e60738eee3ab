import { dropInvisible } from '../../lib/drop-invisible.ts';

/** How many times its limit a text may be as long before it is cut: markup is not ten times its text. */
const ROOM_FOR_MARKUP = 10;
/** Removing a tag can make another one ("<<b>script>"). Real texts need one round, or two. */
const MAX_ROUNDS = 3;

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", '#39': "'", nbsp: ' ' };

/** Elements whose content is no text. */
const HIDDEN = /^(script|style)\b/i;
/** Tags that are removed with all that follows when they never close, as browsers do. Others may be a "less than". */
const OPEN_TAG =
  /^\/?(?:a|b|i|p|br|em|div|span|strong|script|style|iframe|img|svg|object|embed|link|meta|video|audio)\b/i;

/**
 * Plain text of what a model or a page wrote: entities decoded, tags and scripts removed, white space
 * collapsed, and no control characters, invisible characters or lone surrogates (PostgreSQL refuses some).
 * A "<" that is left never begins a tag. Takes linear time, and reads ten times `limit` characters at most; the
 * result may be longer than `limit`.
 */
export function cleanText(text: string, limit: number): string {
  let clean = dropInvisible(text.slice(0, limit * ROOM_FOR_MARKUP));
  for (let round = 0, before = ''; round < MAX_ROUNDS && before !== clean; round += 1) {
    before = clean;
    clean = dropMarkup(decodeEntities(clean));
  }
  // Only a text that was made to survive the rounds has something left here.
  clean = clean.replace(/(?<!<)<+(?=[a-z/!?])/gi, '');
  return clean.replace(/[\p{Cc}\s]+/gu, ' ').trim();
}

function decodeEntities(text: string): string {
  return text
    .replace(/&(?:amp;)+/gi, '&')
    .replace(/&(lt|gt|quot|apos|#39|nbsp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()] ?? '');
}

/** One pass over the text. What never closes is searched for once, so the time is linear. */
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

/** Where the markup that begins at `at` ends; undefined when the "<" there is no markup. */
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
