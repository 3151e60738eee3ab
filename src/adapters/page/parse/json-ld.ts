import type { CheerioAPI } from 'cheerio';
import { elementsOf } from './page-elements.ts';
import { scanJson } from './scan-json.ts';

/**
 * Repairing uses stack for each character. A longer block that is broken is read with `scanJson`.
 */
const MAX_REPAIR = 2_000_000;

/**
 * Returns the values of all JSON-LD blocks of a page, in order. Skips blocks that cannot be read.
 */
export function readJsonLd($: CheerioAPI): unknown[] {
  return elementsOf($)
    .byTag('script')
    .filter((script) => /ld\+json/i.test(script.attribs.type ?? ''))
    .map((script) => parseSloppyJson($(script).text()))
    .filter((value) => value !== undefined);
}

/**
 * Parses JSON as shops write it: with comments, CDATA marks, trailing commas and semicolons, raw
 * line breaks in strings, wrong escapes, and entities instead of quotes. Returns undefined if it
 * cannot be repaired.
 */
export function parseSloppyJson(text: string): unknown {
  if (text.length > MAX_REPAIR) return tryParse(text) ?? scanJson(text)[0];
  return (
    tryParse(text) ??
    tryParse(repair(text)) ??
    (text.includes('&quot;') ? tryParse(repair(text.replaceAll('&quot;', '"'))) : undefined)
  );
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/**
 * Matches a whole string, so that its content is never taken for a comment or a comma, or something
 * to remove. An unclosed comment or string extends to the end of the text: searching for its end
 * again at each next character would take quadratic time.
 */
const TOKEN =
  /"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|\/\*[\s\S]*?(?:\*\/|$)|\ufeff|\/\/[^\n]*|<!--|-->|<!\[CDATA\[|\]\]>|,(?=\s*[}\]])|;(?=\s*$)/g;

function repair(text: string): string {
  // Two rounds, because a comment may hide a comma before a bracket.
  return dropNoise(dropNoise(text)).replace(/,(?=\s*$)/, '');
}

function dropNoise(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (token.startsWith('"')) return repairString(token);
    // "//<![CDATA[" normally has a line of its own, but some pages have no line breaks.
    return /^\/\/\s*<!\[CDATA\[/.test(token) ? token.replace(/^\/\/\s*<!\[CDATA\[/, '') : '';
  });
}

function repairString(token: string): string {
  return token
    .replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/\\([\s\S])/g, (pair, char: string) => (/["\\/bfnrtu]/.test(char) ? pair : char));
}
