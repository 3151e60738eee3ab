import type { CheerioAPI } from 'cheerio';
import { elementsOf } from './page-elements.ts';
import { scanJson } from './scan-json.ts';

/** Repairing needs stack for each character; a longer block that is broken is read leniently instead. */
const MAX_REPAIR = 2_000_000;

/** The values of all JSON-LD blocks of a page, in order. Blocks that cannot be read are left out. */
export function readJsonLd($: CheerioAPI): unknown[] {
  return elementsOf($)
    .byTag('script')
    .filter((script) => /ld\+json/i.test(script.attribs.type ?? ''))
    .map((script) => parseSloppyJson($(script).text()))
    .filter((value) => value !== undefined);
}

/**
 * Parses JSON as shops write it: with comments, CDATA marks, trailing commas and semicolons, raw line breaks in texts,
 * wrong escapes, entities in place of quotes. Undefined when it is beyond repair.
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
 * Strings whole, so that nothing inside one is taken for a comment or a comma; then each thing to leave out. What
 * is never closed goes to the end: to look again from each next character would take quadratic time.
 */
const TOKEN =
  /"(?:[^"\\]|\\[\s\S]?)*(?:"|$)|\/\*[\s\S]*?(?:\*\/|$)|\ufeff|\/\/[^\n]*|<!--|-->|<!\[CDATA\[|\]\]>|,(?=\s*[}\]])|;(?=\s*$)/g;

function repair(text: string): string {
  // A comment between a comma and its bracket hides the comma, so two rounds.
  return dropNoise(dropNoise(text)).replace(/,(?=\s*$)/, '');
}

function dropNoise(text: string): string {
  return text.replace(TOKEN, (token) => {
    if (token.startsWith('"')) return repairString(token);
    // "//<![CDATA[" stands in a line of its own, but some pages come without line breaks.
    return /^\/\/\s*<!\[CDATA\[/.test(token) ? token.replace(/^\/\/\s*<!\[CDATA\[/, '') : '';
  });
}

function repairString(token: string): string {
  return token
    .replace(/\p{Cc}/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/\\([\s\S])/g, (pair, char: string) => (/["\\/bfnrtu]/.test(char) ? pair : char));
}
